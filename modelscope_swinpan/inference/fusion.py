"""From logits to answers at the original size: panoptic, instance and semantic, as mmdetection 2.x fuses them.

Masks are upsampled for the chosen queries only, in bands of rows, so that memory does not grow with the photo, and on a
CPU where they can matter. Every pixel is computed alone: neither changes the result.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from ..categories import Category
from ..config import PostprocessConfig
from ..kernels.cache import shape_cache
from ..structures import INSTANCE_OFFSET, Segment, Size
from .results import InstanceResult, PanopticResult

STRIDE = 4
BAND_VALUES = 2**21
"""Mask values in one band, float32: small enough for the processor's cache."""
GPU_BAND_VALUES = 2**26
"""The same on a GPU, which wants much work at once: about 1 GiB with what follows from them."""
BLOCK = 8
"""Rows of mask logits by which it is judged which queries seem to matter."""
MARGIN = 0.25
"""A query seems to matter whose chance reaches this part of the winner's: between two masks' values both may be low."""
SCORE_DIGITS = 6
"""Decimals of a segment's score: beyond them stands rounding, which differs between processors and sizes of bands."""


def panoptic(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    config: PostprocessConfig,
    band_rows: int | None = None,
) -> PanopticResult:
    """The panoptic map of one image from ``class_logits`` (Q, K+1) and ``mask_logits`` (Q, h, w), h and w with padding.

    Each pixel goes to the kept query of the highest class × mask probability; queries that lose too much of their own
    mask are dropped, stuff of one class is one segment, things are counted from 1 in query order.
    """
    void = len(categories)
    scores, labels = class_logits.softmax(-1).max(-1)
    keep = ((labels != void) & (scores > config.object_mask_threshold)).nonzero()[:, 0]
    scores, labels, logits = scores[keep], labels[keep], mask_logits[keep]
    if len(scores) == 0:
        return PanopticResult(np.full(original, void, np.int32), (), void, categories=tuple(categories))
    regions = _Regions(len(scores), original, logits.device)
    claimed = torch.zeros(len(scores), dtype=torch.int64, device=logits.device)  # pixels of each query's own mask
    won = torch.zeros_like(claimed)  # pixels where it is the best
    for rows, queries, probabilities, best in contested_bands(logits, resized, original, scores, band_rows):
        own = probabilities.gather(0, best[None])[0]
        claimed[queries] += (probabilities >= 0.5).sum((1, 2))
        best = queries[best]
        won += _counts(best.flatten(), len(scores))
        if config.filter_low_score:
            best = torch.where(own >= 0.5, best, len(scores))
        regions.add(rows, best, own)
    ids = _panoptic_ids(torch.stack((labels, won, claimed), 1).tolist(), categories, config)
    return regions.result(ids, scores, categories)


def instances(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    config: PostprocessConfig,
    band_rows: int | None = None,
) -> InstanceResult:
    """The ``max_instances`` best (query, class) pairs, things only, those that reach ``instance_threshold``.

    A score is class probability × mean probability of the mask's own pixels. Shapes as in :func:`panoptic`.
    """
    classes = len(categories)
    probabilities = class_logits.softmax(-1)[:, :-1]
    best, index = probabilities.flatten().topk(min(config.max_instances, probabilities.numel()))
    things = torch.tensor([category.isthing for category in categories], device=best.device)[index % classes]
    # The mask's probability only lowers the score.
    possible = (things & (best >= config.instance_threshold)).nonzero()[:, 0]
    best, index = best[possible], index[possible]
    queries, position = torch.unique(index // classes, return_inverse=True)
    masks = torch.zeros(len(queries), *original, dtype=torch.bool, device=best.device)
    area = torch.zeros(len(queries), dtype=torch.int64, device=best.device)
    total = torch.zeros(len(queries), dtype=torch.float64, device=best.device)
    wanted = mask_logits[queries]
    for block, some, _ in _blocks(wanted, resized, original, None):
        for rows, band in upsampled_bands(wanted[some], resized, original, band_rows, block):
            inside = band > 0
            masks[some, rows] = inside
            area[some] += inside.sum((1, 2))
            total[some] += (band.sigmoid_() * inside).sum((1, 2), dtype=torch.float64)
    scores = best * (total / (area + 1e-6)).to(best.dtype)[position]
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] >= config.instance_threshold]
    position, labels = position[order].cpu(), (index % classes)[order].tolist()
    chosen = masks.cpu().numpy()[position.numpy()]
    segments = tuple(
        Segment(
            id=number + 1,
            label_id=label,
            category_id=categories[label].id,
            label=categories[label].name,
            isthing=True,
            area=int(area[query]),
            box=_extent(mask.any(0), mask.any(1)),
            score=round(score, SCORE_DIGITS),
        )
        for number, (label, query, mask, score) in enumerate(
            zip(labels, position.tolist(), chosen, scores[order].tolist(), strict=True)
        )
    )
    return InstanceResult(chosen, segments, categories=tuple(categories))


def semantic(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    band_rows: int | None = None,
) -> PanopticResult:
    """The best class of every pixel: one segment a class, its id the label, nothing void.

    Class × mask probability is summed over all queries, as Mask2Former's authors do (arXiv 2112.01527); a segment's
    score is its class's mean share of that sum. Shapes as in :func:`panoptic`.
    """
    probabilities = class_logits.softmax(-1)[:, :-1]  # (Q, K)
    regions = _Regions(len(categories), original, class_logits.device)
    # The votes of a band are as bounded as its masks: there may be more classes than queries.
    band_rows = band_rows or _band_rows(max(probabilities.shape), original.width, class_logits.device)
    for rows, band in upsampled_bands(mask_logits, resized, original, band_rows):
        votes = torch.einsum("qk,qhw->khw", probabilities, band.sigmoid_())
        most, best = votes.max(0)
        total = votes.sum(0)
        # Where no query votes, each class has an equal share of nothing.
        regions.add(rows, best, torch.where(total > 0, most / total, 1 / len(categories)))
    return regions.result(range(len(categories)), probabilities.new_ones(len(categories)), categories)


def contested_bands(
    mask_logits: Tensor, resized: Size, original: Size, scores: Tensor, band_rows: int | None = None
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Rows of the photo, the queries looked at there, their probabilities (queries, rows, width), and which is best.

    That is the one of the highest score × probability, counted among the queries looked at, (rows, width).
    """
    for block, queries, rival in _blocks(mask_logits, resized, original, scores):
        for rows, band in upsampled_bands(mask_logits[queries], resized, original, band_rows, block):
            probabilities = band.sigmoid_()
            chance, best = (probabilities * scores[queries, None, None]).max(0)  # much faster than argmax on a CPU
            if rival is None or bool((chance > rival).all()):
                yield rows, queries, probabilities, best
                continue
            for some, all_of_them in upsampled_bands(mask_logits, resized, original, band_rows, rows):
                probabilities = all_of_them.sigmoid_()
                best = (probabilities * scores[:, None, None]).max(0).indices
                yield some, torch.arange(len(scores)), probabilities, best


def _blocks(
    mask_logits: Tensor, resized: Size, original: Size, scores: Tensor | None
) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Rows of the photo, and the queries that seem to matter there: those whose mask may be above 0.

    With ``scores`` (Q) also those that seem able to have the highest score × probability, and what the others cannot
    exceed, (width). Between its values no mask is higher or lower than they are. Where all are asked for, as on a GPU,
    which would have to be waited for, nothing is left to exceed.
    """
    q, h, w = mask_logits.shape
    if mask_logits.device.type == "cuda":
        yield slice(0, original.height), torch.arange(q, device=mask_logits.device), None
        return
    if q == 0:
        return
    slack = 1e-4 * mask_logits.abs().max()  # far more than resizing rounds
    # The column of the masks that is nearest to each of the photo.
    nearest = ((_bilinear(resized.width, original.width, mask_logits.device)[0] + 2) // STRIDE).clamp(max=w - 1)
    valid = int(nearest[-1]) + 1
    step = max(1, BLOCK * original.height // h)
    for start in range(0, original.height, step):
        rows = slice(start, min(start + step, original.height))
        low, high = _sources(rows, resized.height, original.height)
        first, last = _sources(slice(low, high), h, STRIDE * h)
        values = mask_logits[:, first:last]
        most = _highest_near(values.amax(1)) + slack  # (Q, w)
        useless = most < 0
        if scores is None:
            yield rows, (~useless)[:, :valid].any(1).nonzero()[:, 0], None
            continue
        chance = scores[:, None] * most.sigmoid()
        winner = -_highest_near(-(scores[:, None, None] * values.sigmoid()).amax(0).amin(0)[None])  # (1, w)
        matters = (~(useless & (chance < MARGIN * winner)))[:, :valid].any(1)
        rival = chance[~matters].amax(0)[nearest] if not matters.all() else None
        yield rows, matters.nonzero()[:, 0], rival


def _highest_near(values: Tensor) -> Tensor:
    """The highest of all columns of the masks that a column of the photo may be made of, (Q, w)."""
    return F.max_pool1d(values, 5, 1, 2)


def upsampled_bands(
    mask_logits: Tensor,
    resized: Size,
    original: Size,
    band_rows: int | None = None,
    within: slice | None = None,
) -> Iterator[tuple[slice, Tensor]]:
    """Mask logits (Q, h, w) at the original size, as ``(rows, logits (Q, rows, width))`` from top to bottom.

    ``within`` are the rows wanted, by default all. As upstream: bilinear to the padded input, padding cut off, bilinear
    to the original size. The two resizes of the rows are done first, for the rows of the band alone.
    """
    q, h, w = mask_logits.shape
    device = mask_logits.device
    step = band_rows or _band_rows(q, original.width, device)
    to_input = _bilinear(h, STRIDE * h, device)
    to_original = _bilinear(resized.height, original.height, device)
    wanted = within or slice(0, original.height)
    for start in range(wanted.start, wanted.stop, step):
        rows = slice(start, min(start + step, wanted.stop))
        first, second, weight = (x[rows] for x in to_original)
        low, high = _sources(rows, resized.height, original.height)
        band = _interpolate_rows(mask_logits, *(x[low:high] for x in to_input))
        band = _interpolate_rows(band, first - low, second - low, weight)
        band = F.interpolate(band, size=STRIDE * w, mode="linear")[..., : resized.width]
        yield rows, F.interpolate(band, size=original.width, mode="linear")


def _band_rows(planes: int, width: int, device: torch.device) -> int:
    """How many rows of so many planes of values make a band."""
    values = GPU_BAND_VALUES if device.type == "cuda" else BAND_VALUES
    return max(1, values // max(1, planes * width))


@shape_cache
def _bilinear(size: int, target: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For every target coordinate its two neighbours and the weight of the second, in PyTorch's float32 arithmetic."""
    scale = np.float32(size) / np.float32(target)
    source = np.maximum(scale * (np.arange(target, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5), 0)
    first = source.astype(np.int64)
    second = np.minimum(first + 1, size - 1)
    weight = source - first.astype(np.float32)
    return tuple(torch.from_numpy(x).to(device) for x in (first, second, weight))  # type: ignore[return-value]


def _sources(rows: slice, size: int, target: int) -> tuple[int, int]:
    """The first of ``size`` rows that ``rows`` of ``target`` are made of, and the one after the last."""
    first, second, _ = _bilinear(size, target, torch.device("cpu"))  # asking a GPU is waiting for it
    return int(first[rows.start]), int(second[rows.stop - 1]) + 1


def _interpolate_rows(x: Tensor, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Weighted rows of ``x`` (Q, rows, w)."""
    return x[:, first] * (1 - weight)[:, None] + x[:, second] * weight[:, None]


def _counts(index: Tensor, bins: int, weights: Tensor | None = None) -> Tensor:
    """How often 0 … bins - 1 each occur in ``index`` (N), or the sums of their ``weights`` (N)."""
    if index.device.type != "cuda":
        return torch.bincount(index, weights, bins)
    # bincount makes the processor wait for a GPU, to learn the largest index.
    weights = index.new_ones(1).expand_as(index) if weights is None else weights
    return weights.new_zeros(bins).scatter_add_(0, index, weights)


class _Regions:
    """Which of N candidates has each pixel, and what follows from it, gathered band by band."""

    def __init__(self, number: int, original: Size, device: torch.device) -> None:
        self.number = number
        self.map = torch.full(original, number, dtype=torch.int16, device=device)  # N where nobody is sure
        self.column_area = torch.zeros((number + 1) * original.width, dtype=torch.int64, device=device)
        # Whole from the start: small tensors that stay, made between bands, would keep the heap from using those again.
        self.row_area = torch.zeros(original.height, number + 1, dtype=torch.int64, device=device)
        # By row, so that no sum depends on the bands.
        self.row_probability = torch.zeros(original.height, number + 1, dtype=torch.float64, device=device)

    def add(self, rows: slice, best: Tensor, probability: Tensor) -> None:
        """Take in some rows: ``best`` (rows, width) int64, 0 … N, and how probable it is, (rows, width)."""
        height, width = best.shape
        n = self.number
        self.map[rows] = best.short()
        by_row = (best + (n + 1) * torch.arange(height, device=best.device)[:, None]).flatten()
        by_column = (best * width + torch.arange(width, device=best.device)).flatten()
        self.column_area += _counts(by_column, (n + 1) * width)
        self.row_area[rows] = _counts(by_row, (n + 1) * height).view(height, n + 1)
        weights = probability.flatten().double()
        self.row_probability[rows] = _counts(by_row, (n + 1) * height, weights).view(height, n + 1)

    def result(self, ids: Sequence[int], scores: Tensor, categories: Sequence[Category]) -> PanopticResult:
        """The map under panoptic ``ids``, one for each candidate; void's where one was dropped."""
        void = len(categories)
        lookup = torch.tensor([*ids, void], dtype=torch.int32, device=self.map.device)
        probabilities = self.row_probability.sum(0)[:-1] * scores.double()
        found = (self.row_area, self.column_area.view(self.number + 1, -1), probabilities)
        # On their way together: the last copy, the large one, waits for all of them.
        rows, columns, probability = (x.to("cpu", non_blocking=True).numpy() for x in found)
        panoptic_seg = lookup[self.map.long()].cpu().numpy()
        segments = []
        for segment_id in sorted(set(ids) - {void}, reverse=True):
            members = [candidate for candidate, found in enumerate(ids) if found == segment_id]
            ys, xs = rows[:, members].sum(1), columns[members].sum(0)
            area = int(ys.sum())
            if area == 0:
                continue
            label = segment_id % INSTANCE_OFFSET
            segments.append(
                Segment(
                    id=segment_id,
                    label_id=label,
                    category_id=categories[label].id,
                    label=categories[label].name,
                    isthing=categories[label].isthing,
                    area=area,
                    box=_extent(xs, ys),
                    score=round(float(probability[members].sum()) / area, SCORE_DIGITS),
                )
            )
        return PanopticResult(panoptic_seg, tuple(segments), void, categories=tuple(categories))


def _panoptic_ids(
    kept: Sequence[tuple[int, int, int]], categories: Sequence[Category], config: PostprocessConfig
) -> list[int]:
    """The panoptic id of every kept query, given as its label, the pixels it won and the pixels it claimed.

    Void's for those that lost most of their mask to others.
    """
    void = len(categories)
    ids = []
    instance = 1
    for label, pixels, own in kept:
        if pixels == 0 or own == 0 or pixels / own < config.overlap_threshold:
            ids.append(void)
        elif categories[label].isthing:
            ids.append(label + INSTANCE_OFFSET * instance)
            instance += 1
        else:
            ids.append(label)
    return ids


def _extent(columns: npt.NDArray[Any], rows: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    """Box around all columns and rows that are not empty; zeros where all are."""
    x, y = np.flatnonzero(columns), np.flatnonzero(rows)
    return (int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1) if len(x) else (0, 0, 0, 0)
