"""The model that a run starts from."""

from collections.abc import Sequence
from pathlib import Path

import torch

from ..categories import Category
from ..checkpoints.load import load_model
from ..models.mask2former import Mask2Former
from .classes import ClassChange, change_classes


def starting_model(
    path: Path, categories: Sequence[Category], *, device: str | torch.device = "cpu", seed: int = 0
) -> tuple[Mask2Former, ClassChange | None]:
    """The model at ``path`` in float32, with the dataset's classes, and what became of its own if those are others.

    Raises:
        CheckpointError, ConfigError: as by :func:`~..checkpoints.load.load_model`, or there are no classes.
    """
    model = load_model(path, device=device)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()  # not the file, which they may be mapped to
    if model.config.categories == tuple(categories):
        return model, None
    torch.manual_seed(seed)
    return model, change_classes(model, categories)
