"""Time and memory of the panoptic fusion."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ..config import PostprocessConfig
from ..inference import fusion as postprocess
from ..inference.results import PanopticResult
from ..models.backbones import swin as presets
from ..structures import Size
from .process import measure, repeat


def bench_postprocess(width: int, height: int, queries: int, runs: int) -> dict[str, Any]:
    """Seconds and peak memory of the panoptic fusion of one photo with so many kept queries, on the CPU."""
    return {"width": width, "height": height, "queries": queries, **repeat(runs, fuse, width, height, queries)}


def fuse(width: int, height: int, queries: int) -> dict[str, Any]:
    """Of the fusion, after one of a small photo: the first reads PyTorch's own code from the disk."""
    _fusion(64, 64, 1)()
    return measure(_fusion(width, height, queries))


def _fusion(width: int, height: int, queries: int) -> Callable[[], PanopticResult]:
    """The fusion of masks that tile a photo, each sure of its tile: every query is kept and claims pixels."""
    categories = presets.swin_large().categories
    short = min(width, height) / 800
    resized = Size(round(height / short), round(width / short))
    h, w = (-(-side // 32) * 8 for side in resized)
    rows = round(queries**0.5)
    columns = -(-queries // rows)
    owner = (torch.arange(h)[:, None] * rows // h) * columns + torch.arange(w) * columns // w
    mask_logits = torch.where(owner == torch.arange(queries)[:, None, None], 6.0, -6.0) + torch.randn(queries, h, w)
    class_logits = torch.full((queries, len(categories) + 1), -5.0)
    class_logits[torch.arange(queries), torch.arange(queries) % len(categories)] = 8.0
    return partial(
        postprocess.panoptic,
        class_logits,
        mask_logits,
        resized=resized,
        original=Size(height, width),
        categories=categories,
        config=PostprocessConfig(),
    )
