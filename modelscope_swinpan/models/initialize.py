"""Random weights to start training from, chosen for each part as in its paper."""

import math

import torch
from torch import nn

from ..errors import ConfigError
from .backbones import backbone_of
from .deformable_attention import MultiScaleDeformableAttention
from .mask2former import Mask2Former
from .transformer_decoder import MultiheadAttention


@torch.no_grad()
def initialize(model: Mask2Former) -> None:
    """Give every weight a random value from torch's generator.

    Both decoders: Xavier. Deformable attention starts at a ring of equally weighted points around each place
    (Deformable DETR). Queries and level embeddings are normal (Mask2Former). The backbone has a rule of its own.

    Raises:
        ConfigError: the backbone has none.
    """
    backbone = backbone_of(model.config.backbone)
    if backbone.initialize is None:
        raise ConfigError(f"A {backbone.title} has no initial weights. Start from a checkpoint.")
    backbone.initialize(model.backbone)
    _xavier(model.pixel_decoder)
    for module in model.pixel_decoder.modules():
        if isinstance(module, MultiScaleDeformableAttention):
            _ring(module)
    nn.init.normal_(model.pixel_decoder.level_embed)
    decoder = model.transformer_decoder
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
    """Each head looks in its own direction, at points 1, 2, … pixels away with equal weights."""
    heads, levels, points = attention.num_heads, attention.num_levels, attention.num_points
    angle = torch.arange(heads, dtype=torch.float32) * (2 * math.pi / heads)
    direction = torch.stack((angle.cos(), angle.sin()), -1)
    direction /= direction.abs().amax(-1, keepdim=True)  # on a square, so that a diagonal step is a whole pixel too
    steps = torch.arange(1, points + 1, dtype=torch.float32)
    offsets = direction[:, None, None] * steps[:, None]  # (heads, 1, points, 2)
    attention.sampling_offsets.bias.copy_(offsets.expand(heads, levels, points, 2).flatten())
    nn.init.zeros_(attention.sampling_offsets.weight)
    nn.init.zeros_(attention.attention_weights.weight)
    nn.init.zeros_(attention.attention_weights.bias)
