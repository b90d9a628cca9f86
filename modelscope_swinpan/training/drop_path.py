"""Stochastic depth (Huang et al., arXiv 1603.09382) for Swin: in training a block's branch is left out at random."""

from functools import partial

import torch
from torch import Tensor, nn
from torchvision.ops import stochastic_depth

from ..errors import ConfigError
from ..models.backbones.swin import Block, Swin
from ..models.mask2former import Mask2Former


def add_drop_path(model: Mask2Former, rate: float) -> None:
    """Leave each branch of the Swin's last block out for a part ``rate`` (0–1) of the images, of earlier ones for less.

    The rate rises evenly from 0 in the first block. What is kept is scaled up, so that the mean stays. The weights and
    the model in eval mode are as before.

    Raises:
        ConfigError: the backbone is no Swin.
    """
    if not isinstance(model.backbone, Swin):
        raise ConfigError("drop_path is for a Swin; set it to 0 for a ResNet.")
    blocks = [module for module in model.backbone.modules() if isinstance(module, Block)]
    for block, part in zip(blocks, torch.linspace(0, rate, len(blocks)).tolist(), strict=True):
        for branch in (block.attn, block.mlp):
            branch.register_forward_hook(partial(_drop, part))


def _drop(rate: float, branch: nn.Module, _: object, out: Tensor) -> Tensor:
    dropped: Tensor = stochastic_depth(out, rate, "row", training=branch.training)
    return dropped
