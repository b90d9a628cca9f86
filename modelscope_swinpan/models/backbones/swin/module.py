"""Swin Transformer backbone (Liu et al., arXiv 2103.14030), channels last throughout."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....kernels.cache import shape_cache
from ....kernels.linear import Linear, feed_forward
from ....kernels.windows import windowed_attention


@dataclass(frozen=True, kw_only=True)
class SwinConfig:
    """The sizes of a Swin Transformer. Defaults: Swin-L with window 12."""

    embed_dim: int = 192
    depths: tuple[int, ...] = (2, 2, 18, 2)
    num_heads: tuple[int, ...] = (6, 12, 24, 48)
    window_size: int = 12
    mlp_ratio: float = 4.0

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the output maps, finest (stride 4) first."""
        return tuple(self.embed_dim * 2**stage for stage in range(len(self.depths)))


class Swin(nn.Module):
    """Four stages of windowed attention. Each has a norm of its own for the map that it puts out."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.embed_dim)
        self.stages = nn.ModuleList(Stage(config, i) for i in range(len(config.depths)))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for channels in config.channels)

    def forward(self, pixel_values: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of strides 4, 8, 16 and 32 for ``pixel_values`` (B, 3, H, W)."""
        x = self.patch_embed(pixel_values)  # (B, h, w, C)
        features = []
        for stage, norm in zip(self.stages, self.norms, strict=True):
            feature, x = stage(x)
            features.append(norm(feature).permute(0, 3, 1, 2))
        return features


class PatchEmbed(nn.Module):
    """Patches of 4 × 4 pixels become tokens. The image is zero-padded at the right and bottom to whole patches."""

    def __init__(self, dim: int, patch_size: int = 4) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(3, dim, patch_size, patch_size)
        self.norm = nn.LayerNorm(dim)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, ⌈H/4⌉, ⌈W/4⌉, C)."""
        height, width = pixel_values.shape[-2:]
        pixel_values = F.pad(pixel_values, (0, -width % self.patch_size, 0, -height % self.patch_size))
        x: Tensor = self.norm(self.projection(pixel_values).permute(0, 2, 3, 1))
        return x


class PatchMerging(nn.Module):
    """Halve the resolution and double the channels.

    Four neighbours are concatenated in the order of the original Swin: (0, 0), (1, 0), (0, 1), (1, 1) as (row, column).
    mmdetection orders them differently; the loader of its checkpoints reorders the weights.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) → (B, ⌈h/2⌉, ⌈w/2⌉, 2C)."""
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        b, h, w, c = x.shape
        x = x.reshape(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 4, 2, 5).flatten(3)
        merged: Tensor = self.reduction(self.norm(x))
        return merged


class Stage(nn.Module):
    """Blocks at one resolution, every second one on shifted windows; then, except in the last stage, patch merging."""

    def __init__(self, config: SwinConfig, index: int) -> None:
        super().__init__()
        dim = config.channels[index]
        self.blocks = nn.ModuleList(
            Block(
                dim=dim,
                num_heads=config.num_heads[index],
                window_size=config.window_size,
                shift=config.window_size // 2 if i % 2 else 0,
                mlp_ratio=config.mlp_ratio,
            )
            for i in range(config.depths[index])
        )
        self.downsample = PatchMerging(dim) if index < len(config.depths) - 1 else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, h, w, C) → the map of this stage, of the same shape, and the input of the next stage."""
        for block in self.blocks:
            x = block(x)
        return x, x if self.downsample is None else self.downsample(x)


class Block(nn.Module):
    """Windowed attention and MLP, each with a norm before it and a residual around both."""

    def __init__(self, *, dim: int, num_heads: int, window_size: int, shift: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim=dim, num_heads=num_heads, window_size=window_size, shift=shift)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) → the same shape."""
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden_dim)
        self.fc2 = Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(…, C) → the same shape."""
        return feed_forward(x, self.fc1, "gelu", self.fc2)


class WindowAttention(nn.Module):
    """Self-attention within windows of ``window_size``², with a learned bias for each relative position.

    With ``shift`` the windows lie that many tokens further right and down; see
    :func:`~modelscope_swinpan.kernels.windows.windowed_attention`.
    """

    def __init__(self, *, dim: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {dim} channels")
        self.num_heads = num_heads
        self.window_size = window_size
        self.shift = shift
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window_size - 1) ** 2, num_heads))

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) → the same shape."""
        bias = self.relative_position_bias()
        attended = windowed_attention(x, self.qkv, bias, size=self.window_size, shift=self.shift)
        projected: Tensor = self.proj(attended)
        return projected

    def relative_position_bias(self) -> Tensor:
        """The bias of every pair of tokens in a window, (heads, N, N)."""
        table = self.relative_position_bias_table
        return table[relative_position_index(self.window_size, table.device)].permute(2, 0, 1).contiguous()


@shape_cache
def relative_position_index(size: int, device: torch.device) -> Tensor:
    """The row of the bias table for every pair of tokens in a window, (size², size²) int64."""
    y, x = torch.meshgrid(torch.arange(size, device=device), torch.arange(size, device=device), indexing="ij")
    y, x = y.flatten(), x.flatten()
    return (y[:, None] - y + size - 1) * (2 * size - 1) + (x[:, None] - x + size - 1)
