"""Plots of an evaluation's page, as SVG within its HTML. Their letters are text, in the page's own fonts.

They hold no text of a dataset: Matplotlib would take a dollar sign in it for the start of a formula.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

COLOR = "#3a6ea5"


def bars(groups: Sequence[Mapping[str, Any]], xlabel: str, name: str) -> str:
    """PQ of groups of segments or photos (:mod:`.groups`); ``name`` differs from plot to plot."""
    shown = [group for group in groups if group["pq"] is not None]

    def draw(axes: Any) -> None:
        found = axes.bar([group["group"] for group in shown], [group["pq"] for group in shown], color=COLOR)
        axes.bar_label(found, fmt="%.1f")
        axes.set(xlabel=xlabel, ylabel="PQ", ylim=(0, 110), yticks=range(0, 101, 20))

    return _svg(draw, name)


def reliability(calibration: Mapping[str, Any]) -> str:
    """The share of matches against the mean score, a dot for each bin, whose area grows with its predictions."""
    bins = calibration["bins"]
    most = max(found["predictions"] for found in bins)

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="gray", linestyle="--", label="scores that mean what they say")
        axes.scatter(
            [found["mean_score"] for found in bins],
            [found["matched"] for found in bins],
            s=[15 + 150 * found["predictions"] / most for found in bins],
            color=COLOR,
            label="predictions of about one score",
        )
        axes.set(xlabel="mean score", ylabel="share with a match", xlim=(0, 1.03), ylim=(0, 1.05))
        axes.legend(loc="upper left", fontsize="small")

    return _svg(draw, "reliability")


def _svg(draw: Any, name: str) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]  # without XML's own head, which HTML has no place for
