"""Multi-scale deformable attention (Zhu et al., Deformable DETR, arXiv 2010.04159) in plain PyTorch."""

import warnings
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .cache import shape_cache
from .linear import Linear, is_plain_cpu

PIECE = 4096
"""Queries that :func:`sample_by_table` works on at a time: what it computes for them stays in the processor's cache."""


class MultiScaleDeformableAttention(nn.Module):
    """Every query looks at P points on each of L levels, at learned offsets from its own place.

    ``num_heads`` and ``num_points`` are not to be seen from the sizes of a checkpoint's weights, only their product.
    """

    def __init__(self, *, dim: int, num_heads: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {dim} channels")
        self.num_heads = num_heads
        self.num_levels = num_levels
        self.num_points = num_points
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = Linear(dim, 2 * samples)
        self.attention_weights = Linear(dim, samples)
        self.value_proj = Linear(dim, dim)
        self.output_proj = Linear(dim, dim)

    def forward(self, query: Tensor, value: Tensor, centres: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        """Attend from ``query`` (B, N, C) to ``value`` (B, Σhw, C), which holds levels of ``shapes`` (h, w).

        ``centres`` (N, L, P, 2) float32 are each query's own place on each level, x, y in pixels of that level, once
        for each of its points. Returns (B, N, C). Places and weights are float32 whatever the dtype of the model:
        bfloat16 cannot tell neighbouring pixels of a large map apart.
        """
        b, n, _ = query.shape
        grid = (b, n, self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).view(*grid, 2).float()
        weights = short_softmax(self.attention_weights(query).view(b, n, self.num_heads, -1)).view(grid)
        places = centres[:, None] + offsets  # (B, N, heads, L, P, 2)
        values = self.value_proj(value).view(b, value.shape[1], self.num_heads, -1)
        out: Tensor = self.output_proj(sample(values, places, weights, shapes))
        return out


def short_softmax(logits: Tensor) -> Tensor:
    """Softmax over the last dimension, float32. PyTorch's CPU kernel is slow where that is shorter than a register."""
    if is_plain_cpu(logits):
        return logits.flatten(0, -2).t().softmax(0, dtype=torch.float32).t().contiguous().view(logits.shape)
    return logits.softmax(-1, dtype=torch.float32)


def sample(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Weighted sum of bilinear samples, zero outside the map.

    ``values`` (B, Σhw, heads, c), ``places`` (B, N, heads, L, P, 2) as x, y in pixels of each level, whose centres are
    at halves, ``weights`` (B, N, heads, L, P). Returns (B, N, heads · c) in the dtype of ``values``; sums are float32.
    """
    device, exporting = values.device, torch.compiler.is_exporting()
    gradients = torch.is_grad_enabled() and any(x.requires_grad for x in (values, places, weights))
    if device.type == "cuda" and not exporting and not gradients and triton_works(device):
        from .deformable_triton import sample_by_triton

        return sample_by_triton(values, places, weights, shapes)
    # On a CPU, summing rows of a table is several times as fast as grid_sample, but no standard operator of ONNX, and
    # slower once gradients are wanted.
    if device.type == "cpu" and not exporting and not gradients:
        return sample_by_table(values, places, weights, shapes)
    return sample_by_grid(values.float(), places, weights, shapes).to(values.dtype)


# Or else torch.compile would look through the cache and trace the trial.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def triton_works(device: torch.device) -> bool:
    """Whether Triton is installed and can build our kernel for ``device``, found out once."""
    return _try_triton(device)


@cache
def _try_triton(device: torch.device) -> bool:
    """The trial behind :func:`triton_works`; warns where Triton is installed and fails.

    It compiles at the first use and needs a C compiler and Python's headers, which small containers lack.
    """
    if find_spec("triton") is None:
        return False
    try:
        from .deformable_triton import sample_by_triton

        ones = torch.ones(1, 1, 1, 1, 1, 2, device=device)
        sample_by_triton(ones[0, 0, ..., :1], ones, ones[..., 0], [(1, 1)])
    except Exception as error:  # the compiler's, the driver's, an import's: whatever it is, there is another way
        warnings.warn(
            f"Triton does not work here ({str(error).strip()[:200]}): deformable attention takes a slower way.",
            stacklevel=2,
        )
        return False
    return True


def sample_by_table(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """:func:`sample` as one weighted sum of rows per query and head: 4 neighbours × P points × L levels."""
    b, n, heads, _, _ = weights.shape
    out = values.new_empty(b, n, heads * values.shape[-1])
    for image in range(b):
        table = _padded(values[image], shapes)
        for start in range(0, n, PIECE):
            some = slice(start, start + PIECE)
            out[image, some] = _weighted_rows(table, places[image, some], weights[image, some], shapes)
    return out


def _padded(values: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """The maps of one image, ``values`` (Σhw, heads, c), in a ring of zeros each: (Σ(h+2)(w+2), heads, c) float32.

    The ring is the outside; places beyond it move onto it.
    """
    sides = [(h + 2, w + 2) for h, w in shapes]
    table = values.new_zeros(sum(h * w for h, w in sides), *values.shape[1:], dtype=torch.float32)
    inner = torch.split(values, [h * w for h, w in shapes])
    outer = torch.split(table, [h * w for h, w in sides])
    for image, shape, padded, side in zip(inner, shapes, outer, sides, strict=True):
        padded.view(*side, *table.shape[1:])[1:-1, 1:-1] = image.view(*shape, *table.shape[1:])
    return table


def _weighted_rows(table: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Samples (n, heads · c) of some queries of one image, from the ``table`` (rows, heads, c) of its padded maps."""
    n, heads, _, points = weights.shape
    weights = weights.flatten(2)  # (n, heads, L · P)
    sides, starts = table_layout(tuple(shapes), points)
    places = torch.clamp(places.flatten(2, 3) + 0.5, torch.zeros(()), sides + 1)  # x, y in pixels of the padded map
    corner = torch.minimum(places.floor(), sides)
    right_weight, bottom_weight = (places - corner).unbind(-1)
    bottom_weight = bottom_weight * weights
    top_weight = weights - bottom_weight
    bottom_right, top_right = bottom_weight * right_weight, top_weight * right_weight
    corners = (top_weight - top_right, top_right, bottom_weight - bottom_right, bottom_right)

    left, top = corner.int().unbind(-1)
    row = (sides[:, 0] + 2).int()
    first = (top * row).add_(left).add_(starts).mul_(heads)
    first += torch.arange(heads, dtype=torch.int32)[:, None]
    below = first + row * heads
    neighbours = (first, first + heads, below, below + heads)
    out = F.embedding_bag(
        torch.cat(neighbours, -1).flatten(0, 1),
        table.flatten(0, 1),
        mode="sum",
        per_sample_weights=torch.cat(corners, -1).flatten(0, 1),
    )
    return out.view(n, -1)


@shape_cache
def table_layout(shapes: tuple[tuple[int, int], ...], points: int) -> tuple[Tensor, Tensor]:
    """For each of the L · P samples its map's width and height, float32, and first row in the table, int32."""
    sizes = torch.tensor(shapes).repeat_interleave(points, 0)
    starts = torch.tensor([0, *((h + 2) * (w + 2) for h, w in shapes)]).cumsum(0)[:-1]
    return sizes.flip(1).float(), starts.repeat_interleave(points).int()


def sample_by_grid(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """:func:`sample` by PyTorch's grid_sample, level by level."""
    b, n, heads, _, _ = weights.shape
    total = values.new_zeros((b * heads, values.shape[-1], n))
    start = 0
    for level, (h, w) in enumerate(shapes):
        image = values[:, start : start + h * w].permute(0, 2, 3, 1).reshape(b * heads, -1, h, w)
        start += h * w
        x, y = places[:, :, :, level].unbind(-1)
        grid = torch.stack((x * (2 / w) - 1, y * (2 / h) - 1), -1).transpose(1, 2).flatten(0, 1)  # (B · heads, N, P, 2)
        points = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        weight = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]  # (B · heads, 1, N, P)
        total += (points * weight).sum(-1)
    return total.view(b, -1, n).transpose(1, 2)
