"""The least time that one forward can take: its arithmetic at the rate of this machine's matrix products."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from modelscope_swinpan.checkpoints.load import open_model, parse_device, parse_dtype
from modelscope_swinpan.cli.bench import DeviceOption, ModelOption, RunsOption
from modelscope_swinpan.cli.options import DtypeOption
from modelscope_swinpan.config import Mask2FormerConfig
from modelscope_swinpan.kernels.linear import linear
from modelscope_swinpan.models.backbones import swin as presets
from modelscope_swinpan.models.mask2former import Mask2Former

INPUT = (800, 1216)
"""Height and width of the model's input for a typical COCO photo."""
PRODUCTS = ((4096, 4096, 4096), (3800, 768, 3072))
"""Rows, depth and columns of the timed products: a large one, and one of the model's own."""


def bench_roofline(
    model: ModelOption = None, device: DeviceOption = "cpu", dtype: DtypeOption = "float32", runs: RunsOption = 5
) -> dict[str, Any]:
    """Compute the least time of one forward at 800 × 1216: its operations, divided by the measured rate of products.

    rate is that of the product that our layers use, rate_of_linear that of PyTorch's own linear, both in operations per
    second. A multiplication and an addition count as two operations.
    """
    operations = count_operations(open_model(model).config if model else presets.swin_large())
    place, kind = parse_device(device), parse_dtype(dtype)
    ways = {"rate": linear, "rate_of_linear": F.linear}
    rates = {name: max(_rate(way, *sizes, runs, place, kind) for sizes in PRODUCTS) for name, way in ways.items()}
    total = sum(operations.values())
    return {
        "device": device,
        "dtype": dtype,
        "threads": torch.get_num_threads(),
        "operations": {**operations, "all": total},
        **rates,
        "seconds_at_best": round(total / max(rates.values()), 3),
    }


@torch.inference_mode()
def count_operations(config: Mask2FormerConfig) -> dict[str, int]:
    """Operations of each stage in matrix products and convolutions, for one image of size :data:`INPUT`."""
    with torch.device("meta"):
        model = Mask2Former(config).requires_grad_(False)  # the counter hooks into gradients
        pixel_values = torch.empty(1, 3, *INPUT)
    with FlopCounterMode(display=False) as counter:
        model(pixel_values)
    stages = counter.get_flop_counts()
    names = {"backbone": "backbone", "pixel_decoder": "pixel_decoder", "decoder": "transformer_decoder"}
    return {stage: sum(stages[f"Mask2Former.{name}"].values()) for stage, name in names.items()}


@torch.inference_mode()
def _rate(
    product: Callable[[Tensor, Tensor], Tensor],
    rows: int,
    depth: int,
    columns: int,
    runs: int,
    device: torch.device,
    dtype: torch.dtype,
) -> float:
    """Operations per second, the median of ``runs`` after one to warm up."""
    x, weight = (torch.randn(count, depth, device=device, dtype=dtype) for count in (rows, columns))
    seconds = []
    for _ in range(runs + 1):
        _wait(x)
        start = time.perf_counter()
        product(x, weight)
        _wait(x)
        seconds.append(time.perf_counter() - start)
    return 2 * rows * depth * columns / median(seconds[1:])


def _wait(x: Tensor) -> None:
    if x.device.type == "cuda":
        torch.cuda.synchronize(x.device)
