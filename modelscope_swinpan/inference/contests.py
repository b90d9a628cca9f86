"""Which query has each pixel with other thresholds. A panoptic map does not tell, so it is kept from the same forward.

``object_mask_threshold`` decides which queries compete for the pixels, ``overlap_threshold`` which of the winners stay.
So one contest for each value of the first tells the maps for all values of the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..config import PostprocessConfig


class Contender(NamedTuple):
    """A query by its number, its class, and the pixels that it won and that its mask covers."""

    query: int
    category: Category
    won_area: int
    mask_area: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """The queries that compete for an image, and the ``winners`` (H, W) int32 of its pixels, -1 for nobody.

    A contest equals only itself.
    """

    winners: npt.NDArray[np.int32]
    queries: tuple[Contender, ...]


@dataclass(frozen=True, kw_only=True)
class Contests:
    """The contests of an image by ``object_mask_threshold``. Thresholds that keep the same queries share one.

    ``config`` has the present thresholds.
    """

    config: PostprocessConfig
    by_threshold: Mapping[float, Contest]

    def distinct(self) -> list[Contest]:
        """Each contest once, in the order of the thresholds."""
        return list(dict.fromkeys(self.by_threshold.values()))


def regions(contests: list[Contest]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The map (H, W) of the regions in which each of M contests has one winner, and these winners (R, M).

    Region 0 has the pixels that nobody wins in any of them. It may be empty.
    """
    found = np.zeros(contests[0].winners.shape, np.int32)
    winners = np.full((1, 0), -1, np.int32)
    for contest in contests:
        number = 1 + max((contender.query for contender in contest.queries), default=-1)
        pairs = found.astype(np.int64) * (number + 1) + (contest.winners + 1)
        there, found = _numbered(pairs, len(winners) * (number + 1))
        winners = np.column_stack([winners[there // (number + 1)], there % (number + 1) - 1])
    return found, winners.astype(np.int32)


def _numbered(pairs: npt.NDArray[np.int64], bins: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """0 and the other values in ``pairs``, in order; and for each of ``pairs`` its position among them."""
    if bins > 4 * pairs.size + 1024:  # a table would be larger than the image
        there, index = np.unique(np.append(pairs.ravel(), 0), return_inverse=True)
        return there, index[:-1].reshape(pairs.shape).astype(np.int32)
    used = np.bincount(pairs.ravel(), minlength=bins) > 0
    used[0] = True
    return np.flatnonzero(used), (np.cumsum(used, dtype=np.int32) - 1)[pairs]
