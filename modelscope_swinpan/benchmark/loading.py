"""Time and memory of loading a model."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from ..checkpoints.load import load_model, locate, open_model
from ..checkpoints.save import save_pretrained
from ..models.mask2former import Mask2Former
from .process import measure, repeat
from .random_model import write_random_model

TORCH_SUFFIXES = (".pt", ".pth", ".bin")


def bench_load(model: Path | None, runs: int) -> dict[str, Any]:
    """Seconds and peak memory of ``load_model`` and of ModelScope's ``pipeline()``, the file in the disk's cache.

    ``peak_over_size`` is the peak resident memory above the process's own before, over the size of the weights. Loading
    maps the file and reads next to nothing of it, so ``load_and_read`` reads every weight once as well. ``load_native``
    is ``load_model`` of the same model in our own form, and ``torch_load`` what upstream begins with: PyTorch's own
    reading of the file into memory, where it is one of PyTorch's.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = model or write_random_model(Path(temporary, "model"), form="mmdet")
        native = Path(temporary, "native")
        save_pretrained(open_model(directory), native)
        weights, _ = locate(directory)
        results = {
            "load_model": repeat(runs, load, str(directory)),
            "load_native": repeat(runs, load, str(native)),
            "load_and_read": repeat(runs, load_and_read, str(directory)),
            "pipeline": repeat(runs, load_pipeline, str(directory.resolve())),
        }
        if weights.suffix in TORCH_SUFFIXES:
            results["torch_load"] = repeat(runs, torch_load, str(weights))
        size = weights.stat().st_size
    for result in results.values():
        result["peak_over_size"] = round(result["peak_bytes"] / size, 3)
    return {"weights_bytes": size, **results}


def load(path: str) -> dict[str, Any]:
    """Of ``load_model``."""
    return measure(lambda: load_model(path))


def load_and_read(path: str) -> dict[str, Any]:
    """Of ``load_model`` and of reading every weight once."""

    def work() -> Mask2Former:
        model = load_model(path)
        read_weights(model)
        return model

    return measure(work)


def load_pipeline(path: str) -> dict[str, Any]:
    """Of ``pipeline()``, without the imports that a user waits for anyway."""
    # Asked for by name: the plugin, which may import ModelScope, stands above the benchmarks.
    import importlib

    importlib.import_module("modelscope_swinpan")
    pipeline = importlib.import_module("modelscope.pipelines").pipeline
    return measure(lambda: pipeline("image-segmentation", model=path, device="cpu"))


def torch_load(path: str) -> dict[str, Any]:
    """Of PyTorch's own reading of a checkpoint."""
    return measure(lambda: torch.load(path, map_location="cpu", weights_only=True))


def read_weights(model: torch.nn.Module) -> None:
    """Read every weight once, so that all of a mapped file is in memory."""
    for parameter in model.parameters():
        parameter.sum()
