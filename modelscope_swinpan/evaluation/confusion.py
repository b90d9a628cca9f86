"""Which class is taken for which: true and predicted segments paired by their overlap, whatever their classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..categories import Category
from .matching import Matching


class Confusion:
    """Pairs with an intersection over union above 0.5, and segments without such a partner, counted by classes."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._categories = categories
        nothing = len(categories)
        self._counts = np.zeros((nothing + 1, nothing + 1), np.int64)  # the last row and column: no partner

    def add(self, matching: Matching) -> None:
        """Count one photo's. Crowds and predictions that are ignored are left out."""
        nothing = len(self._categories)
        pairs = matching.overlapping
        true, found = np.nonzero(pairs)
        np.add.at(self._counts, (matching.truth.labels[true], matching.found.labels[found]), 1)
        alone = ~pairs.any(1) & ~matching.truth.crowd
        self._counts[:nothing, nothing] += np.bincount(matching.truth.labels[alone], minlength=nothing)
        stray = ~pairs.any(0) & ~matching.ignored
        self._counts[nothing, :nothing] += np.bincount(matching.found.labels[stray], minlength=nothing)

    def figures(self) -> list[dict[str, Any]]:
        """The pairs of a true and a predicted class that occur, the most frequent first. None stands for no partner.

        ``share`` is that of the true class's segments, or, where the true class is None, of the predicted class's.
        """
        of_true, of_found = self._counts.sum(1), self._counts.sum(0)
        pairs = [
            {
                "true": self._named(true),
                "predicted": self._named(found),
                "segments": (number := int(self._counts[true, found])),
                "share": number / int(of_true[true] if true < len(self._categories) else of_found[found]),
            }
            for true, found in np.argwhere(self._counts).tolist()
        ]
        return sorted(pairs, key=lambda pair: -pair["segments"])

    def _named(self, label: int) -> dict[str, Any] | None:
        if label == len(self._categories):
            return None
        return {"category_id": self._categories[label].id, "name": self._categories[label].name}
