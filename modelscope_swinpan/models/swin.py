"""Swin Transformer backbone (Liu et al., arXiv 2103.14030), channels last throughout."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SwinConfig
from .cache import shape_cache

MASKED = -100.0
"""What upstream adds to attention logits between tokens that are no neighbours before the cyclic shift."""


class Swin(nn.Module):
    """Four stages of windowed attention, each followed by a norm of its own for the output map."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.embed_dim)
        stages = len(config.depths)
        self.stages = nn.ModuleList(
            Stage(
                dim=config.channels[i],
                depth=config.depths[i],
                num_heads=config.num_heads[i],
                window_size=config.window_size,
                mlp_ratio=config.mlp_ratio,
                downsample=i < stages - 1,
            )
            for i in range(stages)
        )
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
    """Non-overlapping 4 × 4 patches as tokens (B, h, w, C); the image is zero-padded at the right and bottom."""

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

    The four neighbours are concatenated in the order of the original Swin: (0, 0), (1, 0), (0, 1), (1, 1) as
    (row, column). mmdetection's unfold orders them otherwise; its checkpoint map reorders the weights.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) → (B, ⌈h/2⌉, ⌈w/2⌉, 2C)."""
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        b, h, w, c = x.shape
        x = x.reshape(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 4, 2, 5).flatten(3)
        merged: Tensor = self.reduction(self.norm(x))
        return merged


class Stage(nn.Module):
    """Blocks at one resolution, every second one on shifted windows, and the merging that ends the stage."""

    def __init__(
        self, *, dim: int, depth: int, num_heads: int, window_size: int, mlp_ratio: float, downsample: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(
                dim=dim,
                num_heads=num_heads,
                window_size=window_size,
                shift=window_size // 2 if i % 2 else 0,
                mlp_ratio=mlp_ratio,
            )
            for i in range(depth)
        )
        self.downsample = PatchMerging(dim) if downsample else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, h, w, C) → the stage's own map of that shape, and the input of the next stage."""
        for block in self.blocks:
            x = block(x)
        return x, x if self.downsample is None else self.downsample(x)


class Block(nn.Module):
    """Pre-norm windowed attention and MLP, each with a residual, over (B, h, w, C)."""

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
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(…, C) → the same shape."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class WindowAttention(nn.Module):
    """Self-attention within windows of ``window_size``², with a learned bias per relative position.

    The map is zero-padded to whole windows at the right and bottom; the padding takes part in the attention, as it does
    upstream. With ``shift`` the map is rolled first, and tokens that the roll brought together do not see each other.
    """

    def __init__(self, *, dim: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {dim} channels")
        self.num_heads = num_heads
        self.window_size = window_size
        self.shift = shift
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window_size - 1) ** 2, num_heads))

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) → the same shape."""
        height, width = x.shape[1:3]
        size = self.window_size
        x = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
        padded = x.shape
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        windows = partition(x, size)  # (B, rows, columns, N, C)
        bias = self.relative_position_bias()
        if self.shift:
            out = torch.empty_like(windows)
            for rows, columns, mask in shifted_window_kinds(size, self.shift):
                out[:, rows, columns] = self.attend(windows[:, rows, columns], bias + mask.to(bias))
        else:
            out = self.attend(windows, bias)
        x = merge(out, padded[1], padded[2])
        if self.shift:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x[:, :height, :width]

    def attend(self, windows: Tensor, bias: Tensor) -> Tensor:
        """Attention within each of ``windows`` (B, rows, columns, N, C), ``bias`` (heads, N, N) added to the logits."""
        n, c = windows.shape[-2:]
        qkv = self.qkv(windows.reshape(-1, n, c))
        q, k, v = qkv.reshape(-1, n, 3, self.num_heads, c // self.num_heads).permute(2, 0, 3, 1, 4)
        # Four dimensions of bias: with three, PyTorch's CPU falls back to a slower attention.
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])  # (windows, heads, N, C / heads)
        projected: Tensor = self.proj(out.transpose(1, 2).reshape(-1, n, c))
        return projected.view(windows.shape)

    def relative_position_bias(self) -> Tensor:
        """The bias of every pair of tokens in a window, (heads, N, N)."""
        index = relative_position_index(self.window_size).to(self.relative_position_bias_table.device)
        return self.relative_position_bias_table[index].permute(2, 0, 1).contiguous()


def partition(x: Tensor, size: int) -> Tensor:
    """Cut (B, h, w, C) into windows (B, h/size, w/size, size², C)."""
    b, h, w, c = x.shape
    return x.view(b, h // size, size, w // size, size, c).transpose(2, 3).reshape(b, h // size, w // size, size**2, c)


def merge(windows: Tensor, height: int, width: int) -> Tensor:
    """Put the windows of :func:`partition` together again: (B, height, width, C)."""
    b, rows, columns, _, c = windows.shape
    size = height // rows
    return windows.view(b, rows, columns, size, size, c).transpose(2, 3).reshape(b, height, width, c)


@shape_cache
def relative_position_index(size: int) -> Tensor:
    """Row of the bias table for every pair of tokens of a window, (size², size²) int64."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    y, x = y.flatten(), x.flatten()
    return (y[:, None] - y + size - 1) * (2 * size - 1) + (x[:, None] - x + size - 1)


@shape_cache
def shifted_window_kinds(size: int, shift: int) -> tuple[tuple[slice, slice, Tensor], ...]:
    """The four kinds of windows after a cyclic shift: which rows and columns of windows, and their mask (N, N).

    Only windows of the last row and the last column hold tokens from both ends of the map, so that one mask serves each
    kind and no mask per window is ever built.
    """
    inner, last = slice(None, -1), slice(-1, None)
    same = torch.zeros(size, dtype=torch.int64)
    split = (torch.arange(size) >= size - shift).long()
    kinds = []
    for rows, row_part in ((inner, same), (last, split)):
        for columns, column_part in ((inner, same), (last, split)):
            part = (2 * row_part[:, None] + column_part).flatten()
            kinds.append((rows, columns, MASKED * (part[:, None] != part).float()))
    return tuple(kinds)
