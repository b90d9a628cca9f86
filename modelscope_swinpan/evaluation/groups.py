"""Panoptic quality of parts of a dataset: by the size of segments, and by how many a photo has."""

import dataclasses
from typing import Any

import numpy as np

from .counts import count, mean_quality, totals
from .matching import Matching

SIZES = {"small": 0, "medium": 32**2, "large": 96**2, "huge": 288**2}
"""The least number of pixels of a segment in each group; the first three are COCO's."""
NUMBERS = {"up to 4": 0, "5–8": 5, "9–16": 9, "17 and more": 17}
"""The least number of true segments, crowds left out, of a photo in each group."""


class Groups:
    """The counts of each group, which add up to those of all segments."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._sizes = np.zeros((len(SIZES), classes, 4))
        self._numbers = np.zeros((len(NUMBERS), classes, 4))
        self._photos = np.zeros(len(NUMBERS), np.int64)

    def add(self, matching: Matching) -> None:
        """Count one photo's. A match has the size of its true segment; other segments have their own."""
        steps = list(SIZES.values())
        true = np.searchsorted(steps, matching.true_areas, "right") - 1
        found = np.searchsorted(steps, matching.found_areas, "right") - 1
        for group in range(len(SIZES)):
            self._sizes[group] += count(matching, self._classes, true=true == group, found=found == group)
        number = int((~matching.truth.crowd).sum())
        group = int(np.searchsorted(list(NUMBERS.values()), number, "right")) - 1
        self._numbers[group] += count(matching, self._classes)
        self._photos[group] += 1

    def by_size(self) -> list[dict[str, Any]]:
        """The quality of each group of sizes."""
        return [_figures(name, counts) for name, counts in zip(SIZES, self._sizes, strict=True)]

    def by_number(self) -> list[dict[str, Any]]:
        """The quality of each group of photos."""
        groups = zip(NUMBERS, self._numbers, self._photos.tolist(), strict=True)
        return [{**_figures(name, counts), "photos": photos} for name, counts, photos in groups]


def _figures(name: str, counts: Any) -> dict[str, Any]:
    quality = mean_quality(counts)
    figures = dataclasses.asdict(quality) if quality else dict.fromkeys(("pq", "sq", "rq"), None) | {"classes": 0}
    return {"group": name, **figures, **totals(counts)}
