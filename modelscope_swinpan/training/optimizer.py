"""AdamW, who learns how fast, and when."""

import difflib
import math
from collections import defaultdict
from collections.abc import Iterator

from torch import nn
from torch.optim import AdamW

from ..errors import ConfigError
from ..models.mask2former import Mask2Former
from ..models.swin import Swin
from .config import TrainConfig

EMBEDDINGS = ("query_feat", "query_pos", "level_embed", "relative_position_bias_table")
NORMS = (nn.LayerNorm, nn.GroupNorm)


def freeze(model: Mask2Former, config: TrainConfig) -> None:
    """Take what ``config`` freezes out of training.

    Raises:
        ConfigError: a name that no weight begins with, more stages than there are, or nothing is left to train.
    """
    backbone = model.backbone
    if config.frozen_stages:
        if not isinstance(backbone, Swin):
            raise ConfigError(
                "frozen_stages is for a Swin; freeze a ResNet's parts by name, as in freeze=['backbone']."
            )
        if config.frozen_stages > len(backbone.stages):
            raise ConfigError(
                f"frozen_stages is {config.frozen_stages}, but the Swin has {len(backbone.stages)} stages."
            )
        parts: list[nn.Module] = [backbone.patch_embed]
        for index in range(config.frozen_stages):
            parts += [backbone.stages[index], backbone.norms[index]]
        for part in parts:
            part.requires_grad_(False)
    for name in config.freeze:
        _part(model, name).requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError("Nothing is left to train: every weight is frozen.")


def build_optimizer(model: Mask2Former, config: TrainConfig) -> AdamW:
    """AdamW over what is not frozen; norms and embeddings do not decay, the backbone learns at its own rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter, decays in _parameters(model):
        multiplier = config.backbone_multiplier if name.startswith("backbone.") else 1.0
        groups[multiplier, config.weight_decay if decays else 0.0].append(parameter)
    return AdamW(
        [
            {"params": parameters, "lr": config.learning_rate * multiplier, "weight_decay": decay}
            for (multiplier, decay), parameters in groups.items()
        ],
        fused=True,
    )


def rate_factor(step: int, config: TrainConfig) -> float:
    """What the learning rates are multiplied by at a step, counted from 0."""
    if step < config.warmup:
        return (step + 1) / (config.warmup + 1)
    if config.schedule == "cosine":
        done = (step - config.warmup) / max(1, config.steps - config.warmup)
        return (1 + math.cos(math.pi * done)) / 2
    return float(0.1 ** sum(step >= milestone * config.steps for milestone in config.milestones))


def _part(model: nn.Module, name: str) -> nn.Module:
    """A part of a model by its name, such as backbone.stages.0."""
    parts: dict[str, nn.Module] = dict(model.named_modules())
    if name in parts and name:
        return parts[name]
    close = difflib.get_close_matches(name, parts, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"freeze: the model has no part {name!r}.{hint} Parts are named as in backbone.stages.0.")


def _parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, bool]]:
    """Name and weight of all that learns, and whether it decays."""
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                yield f"{prefix}.{name}", parameter, not isinstance(module, NORMS) and name not in EMBEDDINGS
