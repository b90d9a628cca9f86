"""Random weights to start training from, each part as its paper has it."""

import math

import torch
from torch import nn

from ..errors import ConfigError
from .backbones.swin import Swin
from .deformable_attention import MultiScaleDeformableAttention
from .mask2former import Mask2Former
from .pixel_decoder import PixelDecoder
from .transformer_decoder import MultiheadAttention, TransformerDecoder

SWIN_STD = 0.02


@torch.no_grad()
def initialize(model: Mask2Former) -> None:
    """Give every weight a random value from torch's generator.

    Swin: truncated normal of deviation 0.02 (Liu et al.). Both decoders: Xavier; deformable attention starts at a ring
    of points around each place, all of one weight (Zhu et al.); queries and level embeddings are normal (Cheng et al.).

    Raises:
        ConfigError: the backbone is a ResNet.
    """
    if not isinstance(model.backbone, Swin):
        raise ConfigError("A ResNet's norms are frozen: it cannot learn from nothing. Start from a checkpoint.")
    _swin(model.backbone)
    _pixel_decoder(model.pixel_decoder)
    _transformer_decoder(model.transformer_decoder)


def _swin(backbone: Swin) -> None:
    for name, parameter in backbone.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            nn.init.trunc_normal_(parameter, std=SWIN_STD)


def _pixel_decoder(decoder: PixelDecoder) -> None:
    _xavier(decoder)
    for module in decoder.modules():
        if isinstance(module, MultiScaleDeformableAttention):
            _ring(module)
    nn.init.normal_(decoder.level_embed)


def _transformer_decoder(decoder: TransformerDecoder) -> None:
    _xavier(decoder)
    for embedding in (decoder.query_feat, decoder.query_pos, decoder.level_embed):
        nn.init.normal_(embedding)


def _xavier(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, MultiheadAttention):
            nn.init.xavier_uniform_(part.in_proj_weight)
            nn.init.zeros_(part.in_proj_bias)


def _ring(attention: MultiScaleDeformableAttention) -> None:
    """Each head looks in one direction of a circle, its points 1, 2, … pixels away; all points weigh the same."""
    heads, levels, points = attention.num_heads, attention.num_levels, attention.num_points
    angle = torch.arange(heads, dtype=torch.float32) * (2 * math.pi / heads)
    direction = torch.stack((angle.cos(), angle.sin()), -1)
    direction /= direction.abs().amax(-1, keepdim=True)  # on a square: one pixel is the next one, diagonally too
    steps = torch.arange(1, points + 1, dtype=torch.float32)
    offsets = direction[:, None, None] * steps[:, None]  # (heads, 1, points, 2)
    attention.sampling_offsets.bias.copy_(offsets.expand(heads, levels, points, 2).flatten())
    for weight in (
        attention.sampling_offsets.weight,
        attention.attention_weights.weight,
        attention.attention_weights.bias,
    ):
        nn.init.zeros_(weight)
