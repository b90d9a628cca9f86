"""The classes that a model can name, and the 133 of COCO panoptic."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Category:
    """One class of a dataset.

    ``id`` is the dataset's own category id, for COCO 1–200 with gaps. It is not the label, which is the position in the
    model's list of categories. ``color`` is RGB, 0–255.
    """

    id: int
    name: str
    isthing: bool
    color: tuple[int, int, int]


def _read_table(path: Path) -> tuple[Category, ...]:
    """The rows ``[id, name, isthing, [red, green, blue]]`` of a JSON file."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Category(id_, name, isthing, (*color,)) for id_, name, isthing, color in rows)


COCO_PANOPTIC: tuple[Category, ...] = _read_table(Path(__file__).with_name("coco_panoptic.json"))
"""COCO panoptic 2017 in label order: 80 things, then 53 stuff classes (cocodataset.org), in mmdetection's palette."""
