"""The classes that a model can name, and the 133 of COCO panoptic."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ConfigError

MAX_ID = 2**31 - 1


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


def check_categories(categories: Sequence[Category]) -> None:
    """Raise a ConfigError if categories cannot be a model's: an id twice or out of range, or no colour."""
    for category in categories:
        if not 0 <= category.id <= MAX_ID:
            raise ConfigError(f"category ids must lie between 0 and {MAX_ID}; {category.name!r:.80} has {category.id}.")
        if len(category.color) != 3 or not all(0 <= value <= 255 for value in category.color):
            raise ConfigError(
                f"colors must hold red, green and blue between 0 and 255; {category.name!r:.80} has "
                f"{list(category.color)!r:.80}."
            )
    ids = Counter(category.id for category in categories)
    if twice := [category for category in categories if ids[category.id] > 1]:
        names = ", ".join(f"{category.name!r:.80}" for category in twice[:8])
        raise ConfigError(f"category ids must differ; {twice[0].id} is among those of several categories ({names}).")


def _read_table(path: Path) -> tuple[Category, ...]:
    """The rows ``[id, name, isthing, [red, green, blue]]`` of a JSON file."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Category(id_, name, isthing, (*color,)) for id_, name, isthing, color in rows)


COCO_PANOPTIC: tuple[Category, ...] = _read_table(Path(__file__).with_name("coco_panoptic.json"))
"""COCO panoptic 2017 in label order, 80 things before 53 stuff classes (cocodataset.org), in mmdetection's palette."""
