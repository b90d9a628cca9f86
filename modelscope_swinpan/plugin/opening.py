"""Whatever names a model, as a predictor."""

from pathlib import Path

import torch

from ..checkpoints.load import load_model
from ..errors import ConfigError
from ..inference.exported import exported_files, open_exported
from ..inference.network import PanopticPredictor
from ..inference.predictor import Predictor
from .hub import resolve_model


def open_predictor(
    model: str | Path, *, device: str | None = None, dtype: str = "float32", trust: bool = False
) -> Predictor:
    """The predictor for a model directory, a checkpoint, a hub id, 'embedded', or what ``swinpan export`` wrote.

    Args:
        model: One of these.
        device: By default a GPU if there is one; for exported files the CPU.
        dtype: 'float32', 'bfloat16' or 'float16'; not for exported files.
        trust: Whether to read a .pt2 file.

    Raises:
        HubError: the model is neither here nor could it be fetched.
        CheckpointError: it is damaged, unsafe, or of another kind.
        ConfigError: an option is not for it.
    """
    path = resolve_model(model)
    if exported_files(path):
        if dtype != "float32":
            raise ConfigError(f"--dtype {dtype} is not for {model}: an exported file has its own number format.")
        return open_exported(path, device=device or "cpu", trust=trust)
    best = "cuda" if torch.cuda.is_available() else "cpu"
    return PanopticPredictor(load_model(path, device=device or best, dtype=dtype))
