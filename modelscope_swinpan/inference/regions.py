"""Which candidate has each pixel of a photo, and the areas, boxes and scores that follow, without a second pass.

A candidate is a query (panoptic) or a class (semantic).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..categories import Category
from ..kernels.dispatch import on_cuda, widest_float
from ..structures import Segment, Size
from .results import PanopticResult

SCORE_DIGITS = 6  # Decimals of a segment's score. Further ones differ between processors and heights of bands.


def counts(index: Tensor, bins: int, weights: Tensor | None = None) -> Tensor:
    """How often each of 0 … bins - 1 occurs in ``index`` (N), or the sum of its ``weights`` (N)."""
    if not on_cuda(index.device):
        return torch.bincount(index, weights, bins)
    # bincount reads the largest index back from the GPU, and so waits for it.
    weights = index.new_ones(1).expand_as(index) if weights is None else weights
    return weights.new_zeros(bins).scatter_add_(0, index, weights)


class Regions:
    """The candidate of every pixel, gathered band by band, with counts by row and by column."""

    def __init__(self, number: int, original: Size, device: torch.device) -> None:
        """An empty map of the size ``original`` for the candidates 0 … ``number`` - 1."""
        self.number = number
        # Allocate everything now: small tensors that outlive a band would fragment the heap between bands.
        dtype = torch.int16 if number <= torch.iinfo(torch.int16).max else torch.int32
        self.map = torch.full(original, number, dtype=dtype, device=device)  # ``number`` is nobody's
        self.column_area = torch.zeros((number + 1) * original.width, dtype=torch.int64, device=device)
        self.row_area = torch.zeros(original.height, number + 1, dtype=torch.int64, device=device)
        # Summed by row, so that no sum depends on the height of the bands.
        self.row_probability = torch.zeros(original.height, number + 1, dtype=widest_float(device), device=device)

    def add(self, rows: slice, best: Tensor, probability: Tensor) -> None:
        """Add a band: ``best`` (rows, width) int64, ``number`` for nobody, and its ``probability`` (rows, width)."""
        height, width = best.shape
        bins = self.number + 1
        self.map[rows] = best.to(self.map.dtype)
        by_row = (best + bins * torch.arange(height, device=best.device)[:, None]).flatten()
        by_column = (best * width + torch.arange(width, device=best.device)).flatten()
        self.column_area += counts(by_column, bins * width)
        self.row_area[rows] = counts(by_row, bins * height).view(height, bins)
        weights = probability.flatten().to(self.row_probability.dtype)
        self.row_probability[rows] = counts(by_row, bins * height, weights).view(height, bins)

    def result(
        self, ids: Sequence[int], labels: Sequence[int], scores: Tensor, categories: Sequence[Category]
    ) -> PanopticResult:
        """The finished map and its segments.

        Args:
            ids: A panoptic id per candidate, void's (K) for those that are dropped. Candidates of one class may share
                one.
            labels: The class of each candidate (0 … K-1).
            scores: The class probability of each candidate. A segment's score is this × its mean mask probability.
            categories: The model's K classes, in label order.
        """
        void = len(categories)
        lookup = torch.tensor([*ids, void], dtype=torch.int32, device=self.map.device)
        probabilities = self.row_probability.sum(0)[:-1] * scores.to(self.row_probability.dtype)
        found = (self.row_area, self.column_area.view(self.number + 1, -1), probabilities)
        # Copied from a GPU without waiting: the copy of the map, the last and largest, waits for all of them.
        rows, columns, probability = (x.to("cpu", non_blocking=True).numpy() for x in found)
        panoptic_seg = lookup[self.map.long()].cpu().numpy()
        members_of: dict[int, list[int]] = {}
        for candidate, id_ in enumerate(ids):
            members_of.setdefault(id_, []).append(candidate)
        members_of.pop(void, None)
        segments = []
        for id_, members in sorted(members_of.items(), reverse=True):
            ys, xs = rows[:, members].sum(1), columns[members].sum(0)
            area = int(ys.sum())
            if area:
                score = float(probability[members].sum()) / area
                segments.append(make_segment(id_, labels[members[0]], categories, area, extent(xs, ys), score))
        return PanopticResult(panoptic_seg, tuple(segments), void, categories=tuple(categories))


def make_segment(
    id_: int, label: int, categories: Sequence[Category], area: int, box: tuple[int, int, int, int], score: float
) -> Segment:
    """A segment of the class ``label`` (0 … K-1), its score rounded."""
    category = categories[label]
    score = round(score, SCORE_DIGITS)
    return Segment(id_, label, category.id, category.name, category.isthing, area, box, score)


def extent(columns: npt.NDArray[Any], rows: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    """The box around all ``columns`` and ``rows`` that are not zero; four zeros if all are."""
    x, y = np.flatnonzero(columns), np.flatnonzero(rows)
    return (int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1) if len(x) else (0, 0, 0, 0)
