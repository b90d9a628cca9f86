"""Which queries are upsampled where: on a CPU, a block of rows takes only those that can change the result there.

A bilinear value never leaves the range of its neighbours, so a mask's own values bound it before it is upsampled.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from ..kernels.dispatch import on_gpu
from ..structures import Size
from .bands import STRIDE, bilinear, source_rows, upsampled_bands

BLOCK = 8  # rows of mask values in one block
MARGIN = 0.25
"""Where its mask is empty, a query still matters if its score × probability can reach this share of the winner's.

Between two mask values both masks may be lower than at either."""


def contested_bands(
    mask_logits: Tensor, resized: Size, original: Size, scores: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Which query has the highest score × mask probability, band by band.

    Args:
        mask_logits: (Q, h, w).
        resized: The image in the model's input, without padding.
        original: The photo.
        scores: (Q), class probabilities.

    Yields:
        The rows of the photo, the queries compared there (N), their mask probabilities (N, rows, width), and the
        position of the best one among them, 0 … N-1, (rows, width).
    """
    for block, queries, rival in _blocks(mask_logits, resized, original, scores):
        for rows, band in upsampled_bands(mask_logits[queries], resized, original, block):
            probabilities = band.sigmoid_()
            highest, best = (probabilities * scores[queries, None, None]).max(0)  # much faster than argmax on a CPU
            if rival is None or bool((highest > rival).all()):
                yield rows, queries, probabilities, best
                continue
            # A query that was left out could win here: compare all.
            for some, everything in upsampled_bands(mask_logits, resized, original, rows):
                probabilities = everything.sigmoid_()
                best = (probabilities * scores[:, None, None]).max(0).indices
                yield some, torch.arange(len(scores), device=scores.device), probabilities, best


def mask_bands(mask_logits: Tensor, resized: Size, original: Size) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """The masks that are not empty, band by band.

    Yields:
        The rows of the photo, the queries whose mask may be above 0 there (N), and their logits (N, rows, width).
    """
    for block, queries, _ in _blocks(mask_logits, resized, original, None):
        for rows, band in upsampled_bands(mask_logits[queries], resized, original, block):
            yield rows, queries, band


def _blocks(
    mask_logits: Tensor, resized: Size, original: Size, scores: Tensor | None
) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Blocks of rows of the photo, with the queries to look at in each.

    These are the queries whose mask may be above 0, and with ``scores`` (Q) those that may have the highest score ×
    probability. The third value is what the others cannot exceed, (width), or None if there are no others. On a GPU
    every query is taken: to choose, the processor would have to wait for it.
    """
    q, h, w = mask_logits.shape
    if q == 0:
        return
    if on_gpu(mask_logits.device):
        yield slice(0, original.height), torch.arange(q, device=mask_logits.device), None
        return
    slack = 1e-4 * mask_logits.abs().max()  # far more than the rounding of both resizes
    # For each column of the photo, the nearest column of the masks.
    nearest = ((bilinear(resized.width, original.width, mask_logits.device)[0] + 2) // STRIDE).clamp(max=w - 1)
    valid = int(nearest[-1]) + 1
    step = max(1, BLOCK * original.height // h)
    for start in range(0, original.height, step):
        rows = slice(start, min(start + step, original.height))
        low, high = source_rows(rows, resized.height, original.height)
        first, last = source_rows(slice(low, high), h, STRIDE * h)
        values = mask_logits[:, first:last]
        most = _highest_nearby(values.amax(1)) + slack  # (Q, w)
        empty = most < 0
        if scores is None:
            yield rows, (~empty)[:, :valid].any(1).nonzero()[:, 0], None
            continue
        chance = scores[:, None] * most.sigmoid()
        winner = -_highest_nearby(-(scores[:, None, None] * values.sigmoid()).amax(0).amin(0)[None])  # (1, w)
        matters = (~(empty & (chance < MARGIN * winner)))[:, :valid].any(1)
        rival = chance[~matters].amax(0)[nearest] if not matters.all() else None
        yield rows, matters.nonzero()[:, 0], rival


def _highest_nearby(values: Tensor) -> Tensor:
    """For each column of ``values`` (Q, w), the highest of the columns that a photo's column near it is made from."""
    return F.max_pool1d(values, 5, 1, 2)
