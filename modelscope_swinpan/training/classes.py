"""The model that a run starts from. For a new list of classes it keeps its weights for the classes it knew."""

import copy
import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from ..categories import Category
from ..errors import ConfigError
from ..models.mask2former import Mask2Former


def starting_model(
    model: Mask2Former, categories: Sequence[Category], *, device: str | torch.device = "cpu", seed: int = 0
) -> tuple[Mask2Former, str | None]:
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


@torch.no_grad()
def change_classes(model: Mask2Former, categories: Sequence[Category]) -> str:
    """Give ``model`` the classes ``categories``, in place.

    The model gets a new class head. It copies the rows of the no-object class and of classes whose names the model
    knew; torch's generator fills the others.

    Raises:
        ConfigError: there are no classes, or two have the same name.
    """
    names = [category.name for category in categories]
    if not names:
        raise ConfigError("A model needs at least one class; the list of classes is empty.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Class names must differ; {', '.join(map(repr, twice))} is listed more than once.")
    old_names = [category.name for category in model.config.categories]
    old = model.transformer_decoder.class_head
    head = nn.Linear(old.in_features, len(names) + 1)
    nn.init.xavier_uniform_(head.weight)  # before it is moved: the same numbers on every device
    nn.init.zeros_(head.bias)
    head.to(old.weight)
    rows = {name: row for row, name in reversed(list(enumerate(old_names)))}
    pairs = [(row, rows[name]) for row, name in enumerate(names) if name in rows]
    for row, old_row in [*pairs, (-1, -1)]:
        head.weight[row], head.bias[row] = old.weight[old_row], old.bias[old_row]
    model.transformer_decoder.class_head = head
    model.config = dataclasses.replace(model.config, categories=tuple(categories))
    told = {
        "kept": [name for name in names if name in rows],
        "new": [name for name in names if name not in rows],
        "dropped": [name for name in old_names if name not in names],
    }
    parts = [f"{len(found)} {what}{': ' if found else ''}{', '.join(found)}" for what, found in told.items()]
    return f"Classes: {'; '.join(parts)}."
