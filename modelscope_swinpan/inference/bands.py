"""Masks upsampled to the size of the photo, a band of rows at a time, so that memory does not grow with the photo.

Each row is computed from its own source rows alone: the height of a band does not change the result.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..kernels.cache import shape_cache
from ..kernels.dispatch import on_gpu
from ..structures import Size

STRIDE = 4  # pixels of the padded input along one side of a mask value
BAND_VALUES = 2**21  # values in one band on a CPU: as float32 they fit the processor's cache
GPU_BAND_VALUES = 2**26
"""Values in one band on a GPU, which needs large pieces of work. With all intermediates they take about 1 GiB."""


def upsampled_bands(
    mask_logits: Tensor, resized: Size, original: Size, within: slice | None = None, *, planes: int = 0
) -> Iterator[tuple[slice, Tensor]]:
    """Mask logits (Q, h, w) at the original size, from top to bottom.

    The steps are mmdetection's: bilinear to the padded input, cut off the padding, bilinear to the original size. Both
    resizes of the rows come first, and only for the rows of the band.

    Args:
        mask_logits: (Q, h, w), one value per 4 × 4 pixels of the padded input.
        resized: The image in the input, without padding.
        original: The photo.
        within: The rows of the photo to upsample, all by default.
        planes: How many values per pixel the caller computes from a band, if more than Q. They bound the band too.

    Yields:
        The rows of the photo, and their logits (Q, rows, width).
    """
    q, h, w = mask_logits.shape
    device = mask_logits.device
    step = _band_rows(max(q, planes), original.width, device)
    to_input = bilinear(h, STRIDE * h, device)
    to_original = bilinear(resized.height, original.height, device)
    within = within or slice(0, original.height)
    for start in range(within.start, within.stop, step):
        rows = slice(start, min(start + step, within.stop))
        first, second, weight = (x[rows] for x in to_original)
        low, high = source_rows(rows, resized.height, original.height)
        band = _interpolate_rows(mask_logits, *(x[low:high] for x in to_input))
        band = _interpolate_rows(band, first - low, second - low, weight)
        band = _interpolate_columns(band, STRIDE * w)[..., : resized.width]
        yield rows, _interpolate_columns(band, original.width)


def _band_rows(planes: int, width: int, device: torch.device) -> int:
    values = GPU_BAND_VALUES if on_gpu(device) else BAND_VALUES
    return max(1, values // max(1, planes * width))


@shape_cache
def bilinear(size: int, target: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each of ``target`` coordinates the two source coordinates and the second's weight, as PyTorch rounds them."""
    scale = np.float32(size) / np.float32(target)
    source = np.maximum(scale * (np.arange(target, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5), 0)
    first = source.astype(np.int64)
    second = np.minimum(first + 1, size - 1)
    weight = source - first.astype(np.float32)
    return tuple(torch.from_numpy(x).to(device) for x in (first, second, weight))  # type: ignore[return-value]


def source_rows(rows: slice, size: int, target: int) -> tuple[int, int]:
    """The first of ``size`` source rows that ``rows`` of ``target`` are interpolated from, and one past the last."""
    first, second, _ = bilinear(size, target, torch.device("cpu"))  # never read indices back from a GPU
    return int(first[rows.start]), int(second[rows.stop - 1]) + 1


def _interpolate_rows(x: Tensor, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Weighted rows of ``x`` (Q, rows, w)."""
    return x[:, first] * (1 - weight)[:, None] + x[:, second] * weight[:, None]


def _interpolate_columns(x: Tensor, width: int) -> Tensor:
    """``x`` (Q, rows, w) at another ``width``: (Q, rows, width)."""
    if on_gpu(x.device):
        # PyTorch's linear resize for CUDA has one thread a column, which goes through all rows of all masks.
        return F.interpolate(x[None], size=(x.shape[1], width), mode="bilinear")[0]
    return F.interpolate(x, size=width, mode="linear")
