"""Pixel decoder (Cheng et al., arXiv 2112.01527): deformable attention on three scales, then a step up to stride 4."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import PixelDecoderConfig
from ..kernels.cache import shape_cache
from ..kernels.linear import Linear, feed_forward
from .deformable_attention import MultiScaleDeformableAttention
from .position_encoding import sine_position_encoding

GROUPS = 32


class PixelDecoder(nn.Module):
    """Makes of the backbone's maps: mask features of stride 4, and the multi-scale features that queries read.

    ``channels`` are those of the backbone's maps, finest first. Its own levels are ordered coarsest first, as in the
    authors' code.
    """

    def __init__(self, config: PixelDecoderConfig, *, channels: Sequence[int], dim: int) -> None:
        super().__init__()
        self.num_levels = config.num_levels
        self.num_points = config.num_points
        coarse = tuple(reversed(channels))[: config.num_levels]
        self.input_convs = nn.ModuleList(ConvNorm(c, dim, kernel_size=1, bias=True) for c in coarse)
        self.level_embed = nn.Parameter(torch.zeros(config.num_levels, dim))
        self.layers = nn.ModuleList(EncoderLayer(config, dim=dim) for _ in range(config.num_layers))
        self.lateral_conv = ConvNorm(channels[0], dim, kernel_size=1, bias=False)
        self.output_conv = ConvNorm(dim, dim, kernel_size=3, bias=False)
        self.mask_projection = nn.Conv2d(dim, dim, kernel_size=1)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Mask features (B, C, H/4, W/4) and multi-scale features [(B, C, h, w)], coarsest first.

        ``features`` are the backbone's maps (B, channels, h, w) of strides 4, 8, 16 and 32.
        """
        maps = [conv(x) for conv, x in zip(self.input_convs, list(reversed(features))[: self.num_levels], strict=True)]
        shapes = [(x.shape[2], x.shape[3]) for x in maps]
        memory = torch.cat([x.flatten(2).transpose(1, 2) for x in maps], dim=1)  # (B, Σhw, C)
        position = torch.cat(
            [
                sine_position_encoding(h, w, memory.shape[2], memory.device).to(memory.dtype) + embed
                for (h, w), embed in zip(shapes, self.level_embed, strict=True)
            ]
        )
        centres = query_centres(tuple(shapes), self.num_points, memory.device)
        for layer in self.layers:
            memory = layer(memory, position, centres, shapes)
        split = torch.split(memory, [h * w for h, w in shapes], dim=1)
        # View, then permute: after a transpose, the strides of a single image look like channels first to PyTorch.
        outputs = [x.view(x.shape[0], *shape, -1).permute(0, 3, 1, 2) for x, shape in zip(split, shapes, strict=True)]
        lateral = self.lateral_conv(features[0])
        finest = F.interpolate(outputs[-1], size=lateral.shape[-2:], mode="bilinear", align_corners=False)
        mask_features = self.mask_projection(F.relu(self.output_conv(lateral + finest)))
        return mask_features, outputs


class ConvNorm(nn.Module):
    """A convolution that keeps the size of the map, and a group norm."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        self.norm = nn.GroupNorm(GROUPS, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) → (B, out_channels, h, w)."""
        out: Tensor = self.norm(self.conv(x))
        return out


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward network, each with a residual around it and a norm after."""

    def __init__(self, config: PixelDecoderConfig, *, dim: int) -> None:
        super().__init__()
        self.self_attn = MultiScaleDeformableAttention(
            dim=dim, num_heads=config.num_heads, num_levels=config.num_levels, num_points=config.num_points
        )
        self.norm1 = nn.LayerNorm(dim)
        self.fc1 = Linear(dim, config.ffn_dim)
        self.fc2 = Linear(config.ffn_dim, dim)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, memory: Tensor, position: Tensor, centres: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        """``memory`` (B, Σhw, C) → the same shape. ``position`` (Σhw, C) is added to the queries only."""
        memory = self.norm1(memory + self.self_attn(memory + position, memory, centres, shapes))
        memory = self.norm2(memory + feed_forward(memory, self.fc1, "relu", self.fc2))
        return memory


@shape_cache
def query_centres(shapes: tuple[tuple[int, int], ...], points: int, device: torch.device) -> Tensor:
    """The centre of every pixel of all levels, on every level: x, y in pixels of that level, (Σhw, L, P, 2) float32.

    Repeated for all P ``points``: adding offsets to centres that broadcast is 20 times as slow on a CPU.
    """
    centres = []
    for h, w in shapes:
        y = (torch.arange(h, dtype=torch.float32, device=device) + 0.5) / h
        x = (torch.arange(w, dtype=torch.float32, device=device) + 0.5) / w
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        on_levels = [torch.stack((grid_x * width, grid_y * height), dim=2) for height, width in shapes]
        centres.append(torch.stack(on_levels, dim=2).flatten(0, 1))
    return torch.cat(centres)[:, :, None].repeat(1, 1, points, 1)
