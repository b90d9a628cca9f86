"""The implementations that ``swinpan bench model`` compares: ours, and the transformers package's.

Each one runs in a worker process of its own (:mod:`.process`): :func:`load` sets the implementation of the process.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..categories import COCO_PANOPTIC
from ..checkpoints.load import load_model, parse_device, parse_dtype
from ..extras import require
from ..images.decode import decode_image
from ..inference.network import PanopticPredictor
from ..kernels.dispatch import on_gpu
from .process import measure, peak_resident, resident

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Implementation:
    """A loaded model with its preprocessing and post-processing.

    Args:
        model: The network.
        stages: The parts of the network that are timed separately, by name.
        segment: Segments images (height, width, 3), RGB 0–255, and returns the number of segments in each.
        logits: Class logits (B, Q, K+1) and mask logits (B, Q, h, w) of a preprocessed batch (B, 3, H, W).
    """

    model: nn.Module
    stages: Mapping[str, nn.Module]
    segment: Callable[[list[Pixels]], list[int]]
    logits: Callable[[Tensor], tuple[Tensor, Tensor]]


def _ours(directory: str, device: torch.device, dtype: torch.dtype, compiled: bool) -> Implementation:
    model = load_model(directory, device=device, dtype=dtype)
    predictor = PanopticPredictor(model, compile=compiled)

    def segment(images: list[Pixels]) -> list[int]:
        return [len(result.segments) for result in predictor.predict(images, batch_size=len(images))]

    def logits(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        output = model(pixel_values)
        return output.class_logits, output.mask_logits

    stages = {"backbone": model.backbone, "pixel_decoder": model.pixel_decoder, "decoder": model.transformer_decoder}
    return Implementation(model, stages, segment, logits)


def _transformers(directory: str, device: torch.device, dtype: torch.dtype, compiled: bool) -> Implementation:
    """The transformers package's Mask2Former, with its image processor and panoptic post-processing."""
    transformers = require("This comparison", "transformers")
    transformers.utils.logging.disable_progress_bar()
    processor = transformers.AutoImageProcessor.from_pretrained(directory)
    model = transformers.Mask2FormerForUniversalSegmentation.from_pretrained(directory, dtype=dtype).to(device).eval()
    if compiled:
        model.compile()
    stuff_names = {category.name for category in COCO_PANOPTIC if not category.isthing}
    stuff = {int(label) for label, name in model.config.id2label.items() if name in stuff_names}

    def segment(images: list[Pixels]) -> list[int]:
        inputs = processor(images=images, return_tensors="pt").to(device, dtype)
        outputs = model(pixel_values=inputs["pixel_values"], pixel_mask=inputs["pixel_mask"])
        results = processor.post_process_panoptic_segmentation(
            outputs,
            threshold=0.8,
            overlap_mask_area_threshold=0.8,
            label_ids_to_fuse=stuff,
            target_sizes=[image.shape[:2] for image in images],
        )
        return [len(result["segments_info"]) for result in results]

    def logits(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        output = model(pixel_values=pixel_values.to(device, dtype))
        return output.class_queries_logits, output.masks_queries_logits

    parts = model.model
    stages = {
        "backbone": parts.pixel_level_module.encoder,
        "pixel_decoder": parts.pixel_level_module.decoder,
        "decoder": parts.transformer_module,
    }
    return Implementation(model, stages, segment, logits)


IMPLEMENTATIONS: dict[str, Callable[[str, torch.device, torch.dtype, bool], Implementation]] = {
    "ours": _ours,
    "transformers": _transformers,
}
_loaded: Implementation
_device: torch.device


def load(name: str, directory: str, device: str, dtype: str, compiled: bool, threads: int | None) -> dict[str, Any]:
    """Load implementation ``name`` into this process. Measure that, with one read of every weight."""
    global _device
    if threads:
        torch.set_num_threads(threads)
    _device = parse_device(device)

    def work() -> None:
        global _loaded
        _loaded = IMPLEMENTATIONS[name](directory, _device, parse_dtype(dtype), compiled)
        read_weights(_loaded.model)

    return {**measure(work), "threads": torch.get_num_threads(), "device": device_name(_device)}


def device_name(device: torch.device) -> str:
    """The name of a GPU's kind; of others, such as the CPU, what PyTorch calls them."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def read_weights(model: nn.Module) -> None:
    """Read every weight once, so that all pages of a memory-mapped file are in memory."""
    for parameter in model.parameters():
        parameter.sum()


@torch.inference_mode()
def answer(pixel_values: Tensor) -> dict[str, Any]:
    """Run the network once: its logits as float32 arrays, seconds, and peak memory."""
    found: list[tuple[Tensor, Tensor]] = []
    cost = _measure(lambda: found.append(_loaded.logits(pixel_values.to(_device))))
    return {**cost, "logits": tuple(x.float().cpu().numpy() for x in found[0])}


@torch.inference_mode()
def run(photo: Path, batch_size: int, with_stages: bool) -> dict[str, Any]:
    """Segment a batch of copies of ``photo``: seconds including decoding, and those of each stage ``with_stages``."""
    marks: dict[str, list[float]] = {}
    with _timed(marks) if with_stages else contextlib.nullcontext():
        start = _now()
        image = decode_image(photo)
        decoded = _now()
        segments = _loaded.segment([image] * batch_size)
        end = _now()
    result: dict[str, Any] = {"seconds": end - start, "segments": segments[0]}
    if with_stages and not marks:  # a replayed CUDA graph runs no hooks
        result["stages"] = {}
    elif with_stages:
        begin, finish = marks.pop("model")
        result["stages"] = {
            "decode": decoded - start,
            "preprocess": begin - decoded,
            **{name: after - before for name, (before, after) in marks.items()},
            "postprocess": end - finish,
        }
    return result


def peak(photo: Path, batch_size: int) -> int:
    """Peak memory of one run in bytes, weights included: resident on a CPU, reserved on a GPU.

    A replayed graph allocates nothing: it works in memory that was reserved when it was captured.
    """
    if _device.type == "cuda":
        torch.cuda.empty_cache()  # what only earlier work needed
        torch.cuda.reset_peak_memory_stats(_device)
        run(photo, batch_size, False)
        return torch.cuda.max_memory_reserved(_device)
    resident()
    run(photo, batch_size, False)
    return peak_resident()


def _measure(work: Callable[[], object]) -> dict[str, Any]:
    """:func:`.process.measure`, but with the memory of a GPU where there is one."""
    if _device.type != "cuda":
        return measure(work)
    torch.cuda.reset_peak_memory_stats(_device)
    before = torch.cuda.memory_allocated(_device)
    start = _now()
    work()
    return {"seconds": _now() - start, "peak_bytes": torch.cuda.max_memory_allocated(_device) - before}


def _now() -> float:
    """The time in seconds, after waiting for a GPU or another accelerator to finish."""
    if on_gpu(_device):
        torch.accelerator.synchronize(_device)
    return time.perf_counter()


@contextlib.contextmanager
def _timed(marks: dict[str, list[float]]) -> Iterator[None]:
    """Within the block, write to ``marks`` when the model and each stage begin and finish."""
    handles = []
    for name, part in {"model": _loaded.model, **_loaded.stages}.items():

        def mark(*_: object, name: str = name) -> None:
            marks.setdefault(name, []).append(_now())

        handles += [part.register_forward_pre_hook(mark), part.register_forward_hook(mark)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
