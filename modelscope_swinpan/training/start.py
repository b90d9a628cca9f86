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
    """Copy ``model`` in float32, give the copy the dataset's classes, and tell how they differ from the model's
    (None if they do not).

    Raises:
        ConfigError: there are no classes.
    """
    # The weights of a loaded model may be mapped to their file: training needs weights of its own.
    started = copy.deepcopy(model).to(device, torch.float32)
    if started.config.categories == tuple(categories):
        return started, None
    torch.manual_seed(seed)
    return started, change_classes(started, categories)
