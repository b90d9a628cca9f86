"""Time and peak memory of loading a model."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from modelscope_swinpan.benchmark.implementations import read_weights
from modelscope_swinpan.benchmark.process import measure
from modelscope_swinpan.benchmark.random_model import write_random_model
from modelscope_swinpan.checkpoints.load import load_model, locate, open_model
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.cli.bench import ModelOption, RunsOption
from modelscope_swinpan.models.mask2former import Mask2Former

from .repeat import repeat

TORCH_SUFFIXES = (".pt", ".pth", ".bin")


def bench_load(model: ModelOption = None, runs: RunsOption = 3) -> dict[str, Any]:
    """Time load_model and ModelScope's pipeline(), with the file in the disk's cache.

    peak_over_size is the peak memory of loading, divided by the size of the weights. load_model only maps the file, so
    load_and_read also reads every weight once. load_native loads the same model in our own form. For a file of
    PyTorch's, torch_load reads it with torch.load, as upstream does first.
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
    """Measure ``load_model``."""
    return measure(lambda: load_model(path))


def load_and_read(path: str) -> dict[str, Any]:
    """Measure ``load_model`` and one read of every weight."""

    def work() -> Mask2Former:
        model = load_model(path)
        read_weights(model)
        return model

    return measure(work)


def load_pipeline(path: str) -> dict[str, Any]:
    """Measure ``pipeline()``, without the import of ModelScope."""
    from modelscope.pipelines import pipeline

    return measure(lambda: pipeline("image-segmentation", model=path, device="cpu"))


def torch_load(path: str) -> dict[str, Any]:
    """Measure ``torch.load``."""
    return measure(lambda: torch.load(path, map_location="cpu", weights_only=True))
