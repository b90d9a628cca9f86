"""The model that a run starts from."""

import copy
from collections.abc import Sequence

import torch

from ..categories import Category
from ..models.mask2former import Mask2Former
from .classes import ClassChange, change_classes


def starting_model(
    model: Mask2Former, categories: Sequence[Category], *, device: str | torch.device = "cpu", seed: int = 0
) -> tuple[Mask2Former, ClassChange | None]:
    """A copy of ``model`` in float32, with the dataset's classes, and what became of its own if those are others.

    Raises:
        ConfigError: there are no classes.
    """
    # The weights of a loaded model may be mapped to their file: what is trained has its own.
    started = copy.deepcopy(model).to(device, torch.float32)
    if started.config.categories == tuple(categories):
        return started, None
    torch.manual_seed(seed)
    return started, change_classes(started, categories)
