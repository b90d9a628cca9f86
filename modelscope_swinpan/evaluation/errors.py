"""What kind of error each segment without a match is, and what each kind costs.

Each segment without a match gets the first kind that fits. "Mostly" means more than half of the pixels.
"""

from typing import Any

import numpy as np

from .counts import MATCHES, OVERLAP, UNFOUND, UNTRUE, mean_pq
from .matching import Bools, Floats, Ints, Matching

NEAR = 0.1  # the least intersection over union of a poor boundary, as in TIDE (Bolya et al., arXiv 2008.08115)
KINDS = {
    "wrong class": "The intersection over union with a segment of another class exceeds 0.5.",
    "split": "Several predictions of its class lie mostly in one true segment, and cover most of it.",
    "merged": "Several true segments of its class lie mostly in one prediction, and make up most of it.",
    "poor boundary": "The intersection over union with an unmatched segment of its class is between 0.1 and 0.5.",
    "missed": "A true segment, and none of the above.",
    "false": "A prediction, and none of the above.",
}
_WRONG, _SPLIT, _MERGED, _POOR, _MISSED, _FALSE = range(len(KINDS))
_NONE = len(KINDS)  # of segments that are no error


def error_kinds(matching: Matching) -> tuple[Ints, Ints]:
    """The kind, an index into :data:`KINDS`, of every true segment (T,) and prediction (P,).

    Segments that are no error have ``len(KINDS)``.
    """
    same, shared = matching.same_class, matching.shared
    wrong = matching.overlapping & ~matching.same_class
    lone = same & matching.unfound[:, None] & matching.untrue
    poor = lone & (matching.iou >= NEAR)
    # Parts of a true segment, and the true segments that a prediction swallows.
    parts = same & (shared > matching.seen_areas / 2)
    is_split = (parts.sum(1) > 1) & ((shared * parts).sum(1) > matching.true_areas / 2)
    swallowed = same & (shared > matching.true_areas[:, None] / 2)
    merges = (swallowed.sum(0) > 1) & ((shared * swallowed).sum(0) > matching.seen_areas / 2)
    true = [wrong.any(1), is_split, (swallowed & merges).any(1), poor.any(1)]
    found = [wrong.any(0), (parts & is_split[:, None]).any(0), merges, poor.any(0)]
    return _first(true, _MISSED, matching.unfound), _first(found, _FALSE, matching.untrue)


def _first(fits: list[Bools], otherwise: int, is_error: Bools) -> Ints:
    kinds = np.select(fits, [_WRONG, _SPLIT, _MERGED, _POOR], otherwise)
    return np.where(is_error, kinds, _NONE)


class ErrorKinds:
    """Errors counted by class and kind."""

    def __init__(self, classes: int) -> None:
        shape = (classes, len(KINDS) + 1)
        self._true, self._found = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def add(self, matching: Matching) -> None:
        """Count one photo's."""
        true, found = error_kinds(matching)
        np.add.at(self._true, (matching.truth.labels, true), 1)
        np.add.at(self._found, (matching.found.labels, found), 1)

    def of_class(self, label: int) -> dict[str, int]:
        """How many segments of a class each kind has, true ones and predictions together."""
        both = (self._true + self._found)[label].tolist()
        return {kind: both[index] for index, kind in enumerate(KINDS) if both[index]}

    def figures(self, counts: Floats) -> dict[str, Any]:
        """For each kind, how many segments have it, and the PQ if they did not count; ``counts`` (K, 4) are all.

        ``exact_masks`` is the PQ if every match covered its segment exactly: the RQ.
        """
        kinds = {}
        for kind, true, found in zip(KINDS, self._true.T, self._found.T, strict=False):
            without = counts.copy()
            without[:, UNFOUND] -= true
            without[:, UNTRUE] -= found
            numbers = {"true_segments": int(true.sum()), "predictions": int(found.sum())}
            kinds[kind] = {**numbers, "pq_without": mean_pq(without)}
        exact = counts.copy()
        exact[:, OVERLAP] = exact[:, MATCHES]
        return {"pq": mean_pq(counts), "exact_masks": mean_pq(exact), "kinds": kinds, "meaning": KINDS}
