"""What training does to layers: it drops residual branches at random, and computes layers again to save memory."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.ops import stochastic_depth

from ..errors import ConfigError
from ..models.backbones import backbone_of
from ..models.mask2former import Mask2Former


def add_drop_path(model: Mask2Former, rate: float) -> None:
    """Drop the residual branches of the backbone's blocks at random, for each image on its own, in training mode only.

    This is stochastic depth (Huang et al., arXiv 1603.09382). The probability rises evenly from 0 in the first block to
    ``rate`` (0–1) in the last. Branches that are kept are scaled up, so that the mean does not change. Neither do the
    weights.

    Raises:
        ConfigError: the backbone names no such branches.
    """
    backbone = backbone_of(model.config.backbone)
    blocks = backbone.branches(model.backbone)
    if not blocks:
        raise ConfigError(f"drop_path is not for a {backbone.title}; set it to 0.")
    for branches, probability in zip(blocks, torch.linspace(0, rate, len(blocks)).tolist(), strict=True):
        for branch in branches:
            branch.register_forward_hook(partial(_drop, probability))


def _drop(probability: float, branch: nn.Module, _: object, out: Tensor) -> Tensor:
    dropped: Tensor = stochastic_depth(out, probability, "row", training=branch.training)
    return dropped


def recompute_layers(model: Mask2Former) -> None:
    """Make every repeated layer keep only its input for the gradient. Results and names of weights do not change.

    This trades time for memory (Chen et al., arXiv 1604.06174).
    """
    for layer in model.repeated_layers():
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
