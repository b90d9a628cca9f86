"""The page of an evaluation: one HTML file that asks no network for anything and runs no program."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .plots import bars, reliability
from .tables import figure, interval, signed

if TYPE_CHECKING:
    from .report import Report

CONFUSIONS = 30
"""The most frequent pairs of classes that the page shows; the JSON has all."""
TIDE = {
    "Cls": "wrong class",
    "Loc": "poor boundary",
    "Both": "wrong class and poor boundary",
    "Dupe": "a second prediction of one instance",
    "Bkg": "nothing there",
    "Miss": "not found",
}
"""The kinds of error that TIDE tells apart (Bolya et al., arXiv 2008.08115)."""


def render(report: "Report", figures: Mapping[str, Any], pictures: Sequence[tuple[str, str]]) -> str:
    """The page of a report, the ``figures`` of its analysis, and ``data:`` URLs of the pictures of the worst photos."""
    calibration = figures["calibration"]
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            figures=figures,
            evaluated=report.evaluated,
            confusions=[pair for pair in figures["confusion"] if pair["true"] != pair["predicted"]][:CONFUSIONS],
            interval=interval,
            tide=TIDE,
            size_plot=Markup(bars(figures["by_size"], "size of the segment", "size")),  # noqa: S704
            number_plot=Markup(bars(figures["by_number"], "true segments in the photo", "number")),  # noqa: S704
            reliability_plot=Markup(reliability(calibration)) if calibration else None,  # noqa: S704
            worst=list(zip(figures["worst_photos"], pictures, strict=True)),
        )
    )


@cache
def environment() -> Environment:
    """The templates beside this file."""
    found = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(figure=figure, signed=signed)
    return found
