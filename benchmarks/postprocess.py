"""Time and peak memory of the panoptic fusion."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import torch
import typer

from modelscope_swinpan.benchmark.process import measure
from modelscope_swinpan.cli.bench import RunsOption
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference import fusion
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.models.backbones import swin as presets
from modelscope_swinpan.structures import Size

from .repeat import repeat


def bench_postprocess(
    width: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Width of the photo.")] = 4000,
    height: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Height of the photo.")] = 3000,
    queries: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Kept queries.")] = 30,
    runs: RunsOption = 3,
) -> dict[str, Any]:
    """Time the panoptic fusion of one photo on the CPU."""
    return {"width": width, "height": height, "queries": queries, **repeat(runs, fuse, width, height, queries)}


def fuse(width: int, height: int, queries: int) -> dict[str, Any]:
    """Measure the fusion, after a small one: the first call loads PyTorch's code from the disk."""
    _fusion(64, 64, 1)()
    return measure(_fusion(width, height, queries))


def _fusion(width: int, height: int, queries: int) -> Callable[[], PanopticResult]:
    """A fusion of masks that divide a photo into a grid, so that every query is kept and claims pixels."""
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
        fusion.panoptic,
        class_logits,
        mask_logits,
        resized=resized,
        original=Size(height, width),
        categories=categories,
        config=PostprocessConfig(),
    )
