"""The report of an evaluation: its figures in percent, and what was evaluated."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..categories import Category
from ..files import write_atomic
from .metrics import AveragePrecision, PanopticQuality

REPORT, PER_CLASS = "report.json", "per_class.csv"
FILES = (REPORT, PER_CLASS)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of one evaluation, in percent.

    ``box_ap`` and ``mask_ap`` are None if there were no instances to score. ``evaluated`` records the model with its
    dtype and thresholds, the images, the truth and the versions of the libraries.
    """

    panoptic: PanopticQuality
    box_ap: AveragePrecision | None
    mask_ap: AveragePrecision | None
    categories: tuple[Category, ...]
    evaluated: Mapping[str, Any]

    def table(self) -> str:
        """Two Markdown tables: the one of the model card, and the panoptic figures of things and stuff."""
        quality, box, mask = self.panoptic, self.box_ap, self.mask_ap
        card = (box.ap if box else None, mask.ap if mask else None, quality.all.pq if quality.all else None)
        rows = [
            [name, *map(_percent, (found.pq, found.sq, found.rq)), str(found.classes)]
            for name, found in (("all", quality.all), ("things", quality.things), ("stuff", quality.stuff))
            if found
        ]
        return "\n\n".join(
            [
                _markdown(["box mAP", "mask mAP", "PQ"], [list(map(_percent, card))]),
                _markdown(["", "PQ", "SQ", "RQ", "classes"], rows),
            ]
        )

    def save(self, folder: Path) -> None:
        """Write ``report.json``, and ``per_class.csv`` with a line for every class."""
        folder.mkdir(parents=True, exist_ok=True)
        figures = {
            name: dataclasses.asdict(value) if value else None
            for name, value in (("panoptic", self.panoptic), ("box_ap", self.box_ap), ("mask_ap", self.mask_ap))
        }
        content = json.dumps({**figures, "evaluated": dict(self.evaluated)}, indent=2)
        write_atomic(folder / REPORT, content.encode())
        write_atomic(folder / PER_CLASS, self._per_class().encode())

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


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, [":--:"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.ljust(8) for cell in line)} |" for line in lines)


def _percent(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.1f}"
