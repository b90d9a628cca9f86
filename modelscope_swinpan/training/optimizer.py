"""AdamW and Muon, who learns how fast, and when."""

import difflib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from ..errors import ConfigError
from ..models.backbones.swin import Swin
from ..models.mask2former import Mask2Former
from .config import TrainConfig

EMBEDDINGS = ("query_feat", "query_pos", "level_embed", "relative_position_bias_table")
NORMS = (nn.LayerNorm, nn.GroupNorm)
LEAST_SIDE = 16
"""Of a matrix that Muon trains: of smaller ones there is little to make orthogonal."""


class Optimizers:
    """Several optimizers, each for some of the weights, as one."""

    def __init__(self, *parts: Optimizer) -> None:
        self._parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return [group for part in self._parts for group in part.param_groups]

    def step(self) -> None:
        """Change the weights."""
        for part in self._parts:
            part.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """The states of all."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned."""
        for part, own in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(own)


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


def build_optimizer(model: Mask2Former, config: TrainConfig) -> Optimizers:
    """What trains all that is not frozen; norms and embeddings do not decay, the backbone learns at its own rate.

    With ``config.muon``, Muon (Jordan et al., https://kellerjordan.github.io/posts/muon) trains the matrices within the
    network, AdamW the rest. Its steps are scaled to be as long as AdamW's (Liu et al., arXiv 2502.16982).
    """
    adamw: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    muon: dict[float, list[nn.Parameter]] = defaultdict(list)
    for name, parameter, decays in _parameters(model):
        rate = config.learning_rate * (config.backbone_multiplier if name.startswith("backbone.") else 1.0)
        if config.muon and decays and _is_inner_matrix(name, parameter):
            muon[rate * config.muon].append(parameter)
        else:
            adamw[rate, config.weight_decay if decays else 0.0].append(parameter)
    parts: list[Optimizer] = [
        AdamW(
            [{"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in adamw.items()],
            fused=True,
        )
    ]
    if muon:
        groups = [{"params": parameters, "lr": rate} for rate, parameters in muon.items()]
        parts.append(Muon(groups, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"))
    return Optimizers(*parts)


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


def _is_inner_matrix(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= LEAST_SIDE and "class_head" not in name
