"""How the true and the predicted segments of one photo lie over each other, by the protocol of panopticapi.

Letters: T true segments, P predicted ones. A true and a predicted segment match if they are of one class and their
intersection over union exceeds 0.5 (Kirillov et al., Panoptic Segmentation, arXiv 1801.00868). Since segments do not
overlap, each has at most one such partner. Void is no part of a union, crowds have no partner.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..coco.annotation import SegmentInfo

Indices = npt.NDArray[np.uint16 | np.uint32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MATCHED = 0.5  # a partner's intersection over union is above it
IGNORED = 0.5  # a prediction with more than this share of its pixels in void and a crowd of its class is no error


class Listed:
    """The N segments of a map: ids, labels, whether they are crowds, and scores, NaN where there is none."""

    def __init__(self, ids: npt.ArrayLike, labels: npt.ArrayLike, *, crowd: Any = False, scores: Any = np.nan) -> None:
        self.ids: Ints = np.asarray(ids, np.int64)
        self.labels: Ints = np.asarray(labels, np.int64)
        self.crowd: Bools = np.broadcast_to(np.asarray(crowd, np.bool_), self.ids.shape)
        self.scores: Floats = np.broadcast_to(np.asarray(scores, np.float64), self.ids.shape)

    @classmethod
    def of(cls, truth: Sequence[SegmentInfo]) -> "Listed":
        """True segments."""
        crowd = [info.iscrowd for info in truth]
        return cls([info.id for info in truth], [info.label_id for info in truth], crowd=crowd)

    def indices(self, ids: npt.NDArray[np.int32]) -> Indices:
        """(H, W): 0 for void, n + 1 for segment n, of a map of ids."""
        largest = max(int(ids.max(initial=0)), int(self.ids.max(initial=0)))
        # Ids have 24 bits, but only the pages of memory that are used cost any.
        table = np.zeros(largest + 1, np.uint16 if len(self.ids) < 2**16 else np.uint32)
        table[self.ids] = np.arange(1, len(self.ids) + 1)
        return table[ids]


class Matching:
    """The overlaps of one photo's segments, in pixels.

    ``shared`` (T, P) is the intersection of each pair, ``true_areas`` (T,) and ``found_areas`` (P,) are sizes;
    ``seen_areas`` (P,) leave out what lies in void. ``iou`` (T, P) is 0 for crowds. ``ignored`` (P,) marks predictions
    that are no error, since they lie in void or in a crowd of their class. ``true_map`` (H, W) has 0 for void, n + 1
    for the true segment n.
    """

    def __init__(self, counts: Ints, true_map: Indices, truth: Listed, found: Listed) -> None:
        """``counts`` (T+1, P+1) are the pixels that each true segment shares with each predicted one, void first."""
        self.truth, self.found, self.true_map = truth, found, true_map
        self.shared: Ints = counts[1:, 1:]
        void: Ints = counts[0, 1:]
        self.true_areas: Ints = counts[1:].sum(1)
        self.found_areas: Ints = counts[:, 1:].sum(0)
        self.seen_areas: Ints = self.found_areas - void
        union = self.true_areas[:, None] + self.seen_areas - self.shared
        self.iou: Floats = np.where(truth.crowd[:, None], 0.0, self.shared / np.maximum(union, 1))
        excused = self.shared * (_excusing(truth)[:, None] & (truth.labels[:, None] == found.labels))
        self.ignored: Bools = void + excused.sum(0) > IGNORED * self.found_areas

    @cached_property
    def same_class(self) -> Bools:
        """(T, P): pairs of one class, without crowds."""
        same: Bools = (self.truth.labels[:, None] == self.found.labels) & ~self.truth.crowd[:, None]
        return same

    @cached_property
    def overlapping(self) -> Bools:
        """(T, P): pairs whose intersection over union exceeds 0.5, whatever their classes."""
        return self.iou > MATCHED

    @cached_property
    def matched(self) -> Bools:
        """(T, P): the matches."""
        return self.overlapping & self.same_class

    @cached_property
    def unfound(self) -> Bools:
        """(T,): true segments without a match, without crowds: the false negatives."""
        return ~self.matched.any(1) & ~self.truth.crowd

    @cached_property
    def untrue(self) -> Bools:
        """(P,): predictions without a match that are not ignored: the false positives."""
        return ~self.matched.any(0) & ~self.ignored


def match(true_ids: npt.NDArray[np.int32], truth: Listed, found_ids: npt.NDArray[np.int32], found: Listed) -> Matching:
    """Match the segments of two maps (H, W) of ids, 0 for void."""
    true_map = truth.indices(true_ids)
    counts = overlaps(true_map, len(truth.ids) + 1, found.indices(found_ids), len(found.ids) + 1)
    return Matching(counts, true_map, truth, found)


def overlaps(first: npt.NDArray[Any], rows: int, second: npt.NDArray[Any], columns: int) -> Ints:
    """How many pixels have each pair of values (rows, columns) in two maps (H, W)."""
    pairs = np.multiply(first, columns, dtype=np.int64)
    pairs += second
    return np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)


def _excusing(truth: Listed) -> Bools:
    """(T,): the crowds that excuse predictions: panopticapi knows one of each class, the last."""
    last = {label: index for index, label in enumerate(truth.labels.tolist()) if truth.crowd[index]}
    excusing = np.zeros(len(truth.ids), bool)
    excusing[list(last.values())] = True
    return excusing
