"""The measuring stick: times and peak memory, each measurement in a process of its own."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from . import config as presets
from . import postprocess
from .checkpoints.load import load_model, locate, open_model
from .checkpoints.save import save_pretrained
from .config import Mask2FormerConfig, PostprocessConfig
from .models.mask2former import Mask2Former
from .structures import Size

PIPELINE_SCRIPT = """
import sys
import modelscope_swinpan
from modelscope.pipelines import pipeline
from modelscope_swinpan.benchmark import measure
print(measure(lambda: pipeline("image-segmentation", model=sys.argv[1], device="cpu")))
"""
"""What a user runs, so that the imports that a user waits for anyway are not counted."""


TORCH_SUFFIXES = (".pt", ".pth", ".bin")


def write_random_model(directory: Path, config: Mask2FormerConfig | None = None, seed: int = 0) -> Path:
    """A model directory in upstream's form, with random weights, by default of the hub model's full size."""
    torch.manual_seed(seed)
    save_pretrained(Mask2Former(config or presets.swin_large()), directory, form="mmdet")
    return directory


def bench_load(model: Path | None, runs: int) -> dict[str, Any]:
    """Seconds and peak memory of ``load_model`` and of ModelScope's ``pipeline()``, the file in the disk's cache.

    ``peak_over_size`` is the peak resident memory above the process's own before, over the size of the weights. Loading
    maps the file and reads next to nothing of it, so ``load_and_read`` reads every weight once as well. ``load_native``
    is ``load_model`` of the same model in our own form, and ``torch_load`` what upstream begins with: PyTorch's own
    reading of the file into memory, where it is one of PyTorch's.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = model or write_random_model(Path(temporary, "model"))
        native = Path(temporary, "native")
        save_pretrained(open_model(directory), native)
        weights, _ = locate(directory)
        module = [sys.executable, "-m", "modelscope_swinpan.benchmark"]
        results = {
            "load_model": _repeat([*module, "load", str(directory)], runs),
            "load_native": _repeat([*module, "load", str(native)], runs),
            "load_and_read": _repeat([*module, "load_and_read", str(directory)], runs),
            "pipeline": _repeat([sys.executable, "-c", PIPELINE_SCRIPT, str(directory.resolve())], runs),
        }
        if weights.suffix in TORCH_SUFFIXES:
            results["torch_load"] = _repeat([*module, "torch_load", str(weights)], runs)
        size = weights.stat().st_size
    for result in results.values():
        result["peak_over_size"] = round(result["peak_bytes"] / size, 3)
    return {"weights_bytes": size, **results}


def _load_and_read(path: str) -> Mask2Former:
    model = load_model(path)
    for parameter in model.parameters():
        parameter.sum()
    return model


def bench_postprocess(width: int, height: int, queries: int, runs: int) -> dict[str, Any]:
    """Seconds and peak memory of the panoptic fusion of one photo with so many kept queries, on the CPU."""
    command = [
        sys.executable,
        "-m",
        "modelscope_swinpan.benchmark",
        "postprocess",
        str(width),
        str(height),
        str(queries),
    ]
    return {"width": width, "height": height, "queries": queries, **_repeat(command, runs)}


def measure(work: Callable[[], object]) -> str:
    """Run ``work`` once; JSON of its seconds and of the peak memory above what was resident before, in bytes."""
    before = _resident()
    start = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - start
    peak = _peak()
    del kept
    return json.dumps({"seconds": seconds, "peak_bytes": peak - before})


def _resident() -> int:
    """Resident memory in bytes, after making the peak so far forgotten where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: reset the peak
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return _peak()


def _peak() -> int:
    """Peak resident memory in bytes. Linux counts the parent's into what ``getrusage`` says."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _repeat(command: list[str], runs: int) -> dict[str, Any]:
    """Median seconds and largest peak over fresh processes, each of which prints :func:`measure`'s JSON last."""
    found = []
    for _ in range(runs):
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        found.append(json.loads(output.strip().splitlines()[-1]))
    seconds = [result["seconds"] for result in found]
    return {
        "seconds": round(median(seconds), 3),
        "seconds_all": [round(value, 3) for value in seconds],
        "peak_bytes": max(result["peak_bytes"] for result in found),
    }


def _fusion(width: int, height: int, queries: int) -> Callable[[], object]:
    """The fusion of masks that tile a photo, each sure of its tile: every query is kept and claims pixels."""
    categories = presets.swin_large().categories
    short = min(width, height) / 800
    resized = Size(round(height / short), round(width / short))
    h, w = (-(-side // 32) * 8 for side in resized)
    rows = round(queries**0.5)
    owner = (torch.arange(h)[:, None] * rows // h) * -(-queries // rows) + torch.arange(w) * -(-queries // rows) // w
    mask_logits = torch.where(owner == torch.arange(queries)[:, None, None], 6.0, -6.0) + torch.randn(queries, h, w)
    class_logits = torch.full((queries, len(categories) + 1), -5.0)
    class_logits[torch.arange(queries), torch.arange(queries) % len(categories)] = 8.0
    return lambda: postprocess.panoptic(
        class_logits,
        mask_logits,
        resized=resized,
        original=Size(height, width),
        categories=categories,
        config=PostprocessConfig(),
    )


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    works: dict[str, Callable[[], Callable[[], object]]] = {
        "load": lambda: lambda: load_model(arguments[0]),
        "load_and_read": lambda: lambda: _load_and_read(arguments[0]),
        "torch_load": lambda: lambda: torch.load(arguments[0], map_location="cpu", weights_only=True),
        "postprocess": lambda: _fusion(*map(int, arguments)),
    }
    print(measure(works[what]()))  # noqa: T201
