"""Sine position encoding in two dimensions (Carion et al., DETR, arXiv 2005.12872), normalised to 2π."""

import math

import torch
from torch import Tensor

from ..kernels.cache import shape_cache


def sine_position_encoding(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """(height · width, channels) float32, row by row; the first half of the channels encodes y, the second x."""
    half = channels // 2
    y = _encode(height, half, device)[:, None].expand(height, width, half)
    x = _encode(width, half, device)[None].expand(height, width, half)
    return torch.cat((y, x), dim=2).flatten(0, 1)


@shape_cache
def _encode(length: int, channels: int, device: torch.device) -> Tensor:
    """The encoding of one direction, (length, channels). Whole maps are not cached: the hub model's have 16 MB each."""
    index = torch.arange(channels, dtype=torch.float32, device=device)
    period = 10000 ** (2 * (index // 2) / channels)
    position = torch.arange(1, length + 1, dtype=torch.float32, device=device)
    angle = (position / (length + 1e-6) * 2 * math.pi)[:, None] / period
    return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1)
