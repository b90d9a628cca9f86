"""The report of an evaluation: its figures in percent, and what was evaluated."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..categories import Category
from ..files import write_atomic
from .analysis import Analysis
from .metrics import AveragePrecision, PanopticQuality
from .page import render
from .photos import PER_PHOTO
from .tables import figure, interval, markdown, signed
from .worst import draw_photo

REPORT, PER_CLASS, ANALYSIS, PAGE = "report.json", "per_class.csv", "analysis.json", "report.html"
FILES = (REPORT, PER_CLASS, ANALYSIS, PER_PHOTO, PAGE)
MOST_CHANGED = 10
"""Classes whose changes are printed; the page has all."""
VISIBLE = 0.05
"""The least change that a printed table shows."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of one evaluation, in percent.

    ``box_ap`` and ``mask_ap`` are None if there were no instances to score. ``evaluated`` records the model with its
    dtype and thresholds, the images, the truth and the versions of the libraries. ``analysis`` tells why the figures
    are what they are; a report that was read from JSON has none.
    """

    panoptic: PanopticQuality
    box_ap: AveragePrecision | None
    mask_ap: AveragePrecision | None
    categories: tuple[Category, ...]
    evaluated: Mapping[str, Any]
    analysis: Analysis | None = None

    def table(self) -> str:
        """Two Markdown tables: the one of the model card, and the panoptic figures of things and stuff."""
        quality, box, mask = self.panoptic, self.box_ap, self.mask_ap
        card = (box.ap if box else None, mask.ap if mask else None, quality.all.pq if quality.all else None)
        rows = [
            [name, *map(figure, (found.pq, found.sq, found.rq)), str(found.classes)]
            for name, found in (("all", quality.all), ("things", quality.things), ("stuff", quality.stuff))
            if found
        ]
        return "\n\n".join(
            [
                markdown(["box mAP", "mask mAP", "PQ"], [list(map(figure, card))]),
                markdown(["", "PQ", "SQ", "RQ", "classes"], rows),
            ]
        )

    def save(self, folder: Path) -> None:
        """Write ``report.json``, ``per_class.csv`` with a line for every class, and the analysis if there is one.

        That is ``analysis.json``, ``per_photo.jsonl`` with a line for every photo, and the page ``report.html``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        figures = {
            name: dataclasses.asdict(value) if value else None
            for name, value in (("panoptic", self.panoptic), ("box_ap", self.box_ap), ("mask_ap", self.mask_ap))
        }
        files = {
            REPORT: json.dumps({**figures, "evaluated": dict(self.evaluated)}, indent=2),
            PER_CLASS: self._per_class(),
            **(self._analysed(self.analysis) if self.analysis else {}),
        }
        for name, content in files.items():
            write_atomic(folder / name, content.encode())

    def changes(self) -> str:
        """Markdown tables of what changed since the evaluation that this one is compared with, if it is with any."""
        found = self.analysis.figures["comparison"] if self.analysis else None
        if found is None:
            return ""
        head = ["", "before", "after", "change", f"{100 * found['confidence']:.0f} % interval"]
        classes = [row for row in found["classes"] if abs(row["change"] or 0) >= VISIBLE]
        most = sorted(classes, key=lambda row: -abs(row["change"]))[:MOST_CHANGED]
        parts = [_change(name, found[name]) for name in ("all", "things", "stuff") if found[name]["change"] is not None]
        tables = [markdown(head, rows) for rows in (parts, [_change(row["name"], row) for row in most]) if rows]
        photos = "Photos: {better} better, {worse} worse, {same} the same.".format(**found["photos"])
        return "\n\n".join([f"Compared with {found['other']} (PQ):", *tables, photos])

    def _analysed(self, analysis: Analysis) -> dict[str, str]:
        """The files of an analysis, by name."""
        pictures = [draw_photo(analysis.dataset, photo) for photo in analysis.worst]
        return {
            ANALYSIS: json.dumps(analysis.figures, indent=2),
            PER_PHOTO: "".join(f"{line}\n" for line in analysis.photos),
            PAGE: render(self, analysis.figures, pictures),
        }

    def _per_class(self) -> str:
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["category_id", "name", "isthing", "pq", "sq", "rq", "box_ap", "mask_ap"])
        for category in self.categories:
            quality = self.panoptic.per_class.get(category.id)
            figures = (quality.pq, quality.sq, quality.rq) if quality else (None, None, None)
            precision = (found.per_class.get(category.id) if found else None for found in (self.box_ap, self.mask_ap))
            shown = ("" if figure is None else f"{figure:.3f}" for figure in (*figures, *precision))
            table.writerow([category.id, category.name, int(category.isthing), *shown])
        return text.getvalue()


def _change(name: str, row: Mapping[str, Any]) -> list[str]:
    """A line of the tables of changes."""
    values = (figure(row["before"]), figure(row["after"]), signed(row["change"]), interval(row["low"], row["high"]))
    return [name, *values]
