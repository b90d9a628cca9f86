"""Pixel decoder: deformable attention over three scales, then one step up to stride 4 (arXiv 2112.01527)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import PixelDecoderConfig
from ..kernels.cache import shape_cache
from ..kernels.deformable_attention import MultiScaleDeformableAttention
from ..kernels.linear import Linear, feed_forward
from .position_encoding import sine_position_encoding

GROUPS = 32


class PixelDecoder(nn.Module):
    """Backbone features in, mask features of stride 4 and the multi-scale memory of the decoder out.

    ``channels`` are those of the backbone's maps, finest first. Levels are ordered coarsest first, as upstream orders
    them.
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
        """``mask_features`` (B, C, H/4, W/4) and ``multi_scale_features`` [(B, C, h, w)], coarsest first.

        ``features`` are the backbone's maps (B, C, h, w), strides 4 to 32.
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
        # Not transposed first, or else the strides of a single image look like channels first to other operators.
        outputs = [x.view(x.shape[0], *shape, -1).permute(0, 3, 1, 2) for x, shape in zip(split, shapes, strict=True)]
        lateral = self.lateral_conv(features[0])
        finest = F.interpolate(outputs[-1], size=lateral.shape[-2:], mode="bilinear", align_corners=False)
        mask_features = self.mask_projection(F.relu(self.output_conv(lateral + finest)))
        return mask_features, outputs


class ConvNorm(nn.Module):
    """A convolution of stride 1 that keeps the size, and a group norm."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        self.norm = nn.GroupNorm(GROUPS, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) → (B, out_channels, h, w)."""
        out: Tensor = self.norm(self.conv(x))
        return out


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward network, each followed by residual and norm."""

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
        """``memory`` (B, Σhw, C) → the same shape; ``position`` (Σhw, C) is added to the queries only."""
        memory = self.norm1(memory + self.self_attn(memory + position, memory, centres, shapes))
        memory = self.norm2(memory + feed_forward(memory, self.fc1, "relu", self.fc2))
        return memory


@shape_cache
def query_centres(shapes: tuple[tuple[int, int], ...], points: int, device: torch.device) -> Tensor:
    """Where the centre of every pixel of all levels lies on every level: x, y in its pixels, (Σhw, L, P, 2) float32.

    The same for all ``points``: adding offsets to fewer values, repeated on the way, is 20 times as slow on a CPU.
    """
    centres = []
    for h, w in shapes:
        y = (torch.arange(h, dtype=torch.float32, device=device) + 0.5) / h
        x = (torch.arange(w, dtype=torch.float32, device=device) + 0.5) / w
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        on_levels = [torch.stack((grid_x * width, grid_y * height), dim=2) for height, width in shapes]
        centres.append(torch.stack(on_levels, dim=2).flatten(0, 1))
    return torch.cat(centres)[:, :, None].repeat(1, 1, points, 1)
