"""The page of an evaluation: one HTML file that asks no network for anything and runs no program."""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from .heatmap import heatmap
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


def render(report: "Report", figures: Mapping[str, Any], pictures: Sequence[tuple[bytes, bytes]]) -> str:
    """The page of a report, the ``figures`` of its analysis, and JPEG files of truth and answer of the worst photos."""
    calibration = figures["calibration"]
    return _template().render(
        report=report,
        figures=figures,
        evaluated=report.evaluated,
        confusions=[pair for pair in figures["confusion"] if pair["true"] != pair["predicted"]][:CONFUSIONS],
        interval=interval,
        tide=TIDE,
        size_plot=Markup(bars(figures["by_size"], "size of the segment", "size")),  # noqa: S704
        number_plot=Markup(bars(figures["by_number"], "true segments in the photo", "number")),  # noqa: S704
        reliability_plot=Markup(reliability(calibration)) if calibration else None,  # noqa: S704
        grid=heatmap(figures["thresholds"]),
        worst=list(zip(figures["worst_photos"], ([_data(one) for one in pair] for pair in pictures), strict=True)),
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = figure
    environment.filters["signed"] = signed
    return environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def _data(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()
