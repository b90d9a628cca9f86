"""Optimizers (AdamW, Muon), which weights they train, and their learning rates."""

import difflib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from ..errors import ConfigError
from ..models.backbones import backbone_of
from ..models.mask2former import Mask2Former
from .config import TrainConfig

EMBEDDINGS = ("query_feat", "query_pos", "level_embed", "relative_position_bias_table")
NORMS = (nn.LayerNorm, nn.GroupNorm)
LEAST_SIDE = 16  # least side of a matrix for Muon, which makes updates orthogonal: that does little for smaller ones


class Optimizers:
    """Several optimizers that together act as one; each trains some of the weights."""

    def __init__(self, *parts: Optimizer) -> None:
        self._parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The parameter groups of all parts."""
        return [group for part in self._parts for group in part.param_groups]

    def step(self) -> None:
        """Update the weights."""
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for part, own in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(own)


def freeze(model: Mask2Former, config: TrainConfig) -> None:
    """Exclude from training the parts that ``config`` freezes.

    Raises:
        ConfigError: the model has no part of that name or fewer stages, or nothing is left to train.
    """
    if config.frozen_stages:
        backbone = backbone_of(model.config.backbone)
        stages = backbone.stages(model.backbone)
        if not stages:
            raise ConfigError(
                f"frozen_stages is not for a {backbone.title}; freeze its parts by name, as in freeze=['backbone']."
            )
        if config.frozen_stages > len(stages):
            raise ConfigError(
                f"frozen_stages is {config.frozen_stages}, but the {backbone.title} has {len(stages)} stages."
            )
        for stage in stages[: config.frozen_stages]:
            for part in stage:
                part.requires_grad_(False)
    for name in config.freeze:
        _part(model, name).requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError("Nothing is left to train: every weight is frozen.")


def build_optimizer(model: Mask2Former, config: TrainConfig) -> Optimizers:
    """Optimizers for every weight that is not frozen.

    Norms and embeddings have no weight decay. The backbone has a learning rate of its own. With ``config.muon``, Muon
    (Jordan et al., https://kellerjordan.github.io/posts/muon) trains the inner matrices and AdamW the rest; Muon's
    steps are scaled to the length of AdamW's (Liu et al., arXiv 2502.16982).
    """
    adamw: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    muon: dict[float, list[nn.Parameter]] = defaultdict(list)
    for name, parameter, decays in _parameters(model):
        rate = config.learning_rate * (config.backbone_multiplier if name.startswith("backbone.") else 1.0)
        is_inner_matrix = parameter.ndim == 2 and min(parameter.shape) >= LEAST_SIDE and "class_head" not in name
        if config.muon and decays and is_inner_matrix:
            muon[rate * config.muon].append(parameter)
        else:
            adamw[rate, config.weight_decay if decays else 0.0].append(parameter)
    groups = [{"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in adamw.items()]
    parts: list[Optimizer] = [AdamW(groups, fused=True)]
    if muon:
        groups = [{"params": weights, "lr": rate} for rate, weights in muon.items()]
        parts.append(Muon(groups, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"))
    return Optimizers(*parts)


def rate_factor(step: int, config: TrainConfig) -> float:
    """The factor of all learning rates at ``step``, counted from 0."""
    if step < config.warmup:
        return (step + 1) / (config.warmup + 1)
    if config.schedule == "cosine":
        done = (step - config.warmup) / max(1, config.steps - config.warmup)
        return (1 + math.cos(math.pi * done)) / 2
    return float(0.1 ** sum(step >= milestone * config.steps for milestone in config.milestones))


def _part(model: nn.Module, name: str) -> nn.Module:
    parts: dict[str, nn.Module] = {part: module for part, module in model.named_modules() if part}
    if name in parts:
        return parts[name]
    close = difflib.get_close_matches(name, parts, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"freeze: the model has no part {name!r}.{hint} A name looks like backbone.stages.0.")


def _parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, bool]]:
    """Name and tensor of every weight that is trained, and whether it has weight decay."""
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                yield f"{prefix}.{name}", parameter, not isinstance(module, NORMS) and name not in EMBEDDINGS
