"""Sampling of deformable attention (Zhu et al., Deformable DETR, arXiv 2010.04159): weighted points of several maps."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from . import dispatch
from .cache import shape_cache

PIECE = 4096
"""Queries that :func:`sample_by_table` works on at a time: what it computes for them stays in the processor's cache."""


@dispatch.operation
def sample(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Weighted sum of bilinear samples. Outside of a map everything is zero.

    Args:
        values: (B, Σhw, heads, c), the maps of all levels one after another, row by row.
        places: (B, N, heads, L, P, 2) float32: x, y in pixels of each level. Centres of pixels are at halves.
        weights: (B, N, heads, L, P) float32.
        shapes: (h, w) of each level.

    Returns:
        (B, N, heads · c) in the dtype of ``values``, summed in float32.
    """
    if dispatch.avoids_grid_sample(values.device):
        return sample_by_gathers(values, places, weights, shapes)
    b, n, heads, _, _ = weights.shape
    total = values.new_zeros((b * heads, values.shape[-1], n), dtype=torch.float32)
    maps = torch.split(values.float(), [h * w for h, w in shapes], dim=1)
    for level, (image, (h, w)) in enumerate(zip(maps, shapes, strict=True)):
        image = image.permute(0, 2, 3, 1).reshape(b * heads, -1, h, w)
        x, y = places[:, :, :, level].unbind(-1)
        grid = torch.stack((x * (2 / w) - 1, y * (2 / h) - 1), -1).transpose(1, 2).flatten(0, 1)  # (B · heads, N, P, 2)
        points = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        weight = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]  # (B · heads, 1, N, P)
        total += (points * weight).sum(-1)
    return total.view(b, -1, n).transpose(1, 2).to(values.dtype)


def sample_by_gathers(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """In elementary operations: for devices and runtimes that compute grid_sample wrongly."""
    b, n, heads, levels, _ = weights.shape
    device = values.device
    height, width = torch.tensor(shapes, dtype=torch.float32, device=device).view(levels, 1, 1, 2).unbind(-1)
    both = torch.arange(2, dtype=torch.float32, device=device)  # left and right, top and bottom
    corner = places - 0.5
    part = corner - corner.floor()
    x, y = (corner.floor()[..., None] + both).unbind(-2)  # (B, N, heads, L, P, 2)
    right, bottom = torch.stack((1 - part, part), -1).unbind(-2)
    right = right * ((x >= 0) & (x < width))
    bottom = bottom * ((y >= 0) & (y < height)) * weights[..., None]
    weight = (bottom[..., None] * right[..., None, :]).flatten(4)  # (B, N, heads, L, P · 4)
    x, y = torch.minimum(x.clamp(min=0), width - 1), torch.minimum(y.clamp(min=0), height - 1)
    row = (y[..., None] * width[..., None] + x[..., None, :]).flatten(4).long()
    total = values.new_zeros((b, n, heads, 1, values.shape[-1]), dtype=torch.float32)
    for level, image in enumerate(torch.split(values.float(), [h * w for h, w in shapes], dim=1)):
        table = image.transpose(1, 2).flatten(0, 2)  # (B · heads · hw, c)
        start = (torch.arange(b * heads, device=device) * image.shape[1]).view(b, 1, heads, 1)
        neighbours = table.index_select(0, (row[:, :, :, level] + start).flatten()).view(
            b, n, heads, -1, table.shape[1]
        )
        total = total + weight[:, :, :, level, None] @ neighbours
    return total.flatten(2).to(values.dtype)


def try_triton(device: torch.device) -> None:
    """Compile and run the Triton kernel once on ``device``; raises what Triton raises."""
    ones = torch.ones(1, 1, 1, 1, 1, 2, device=device)
    sample_by_triton(ones[0, 0, ..., :1], ones, ones[..., 0], [(1, 1)])


def _triton_works(values: Tensor, *_: object, **__: object) -> bool:
    return dispatch.on_cuda(values.device) and dispatch.triton_works(try_triton, values.device)


@dispatch.fast_form(sample, when=_triton_works)
def sample_by_triton(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """By one kernel, for GPUs and values of any float dtype."""
    from .deformable_triton import launch  # imports Triton, which not every PyTorch brings along

    return launch(values, places, weights, shapes)


@dispatch.fast_form(sample, when=dispatch.on_cpu)
def sample_by_table(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """As one weighted sum of rows per query and head: 4 neighbours × P points × L levels.

    It is several times as fast as grid_sample without gradients, and slower with them.
    """
    b, n, heads, _, _ = weights.shape
    out = values.new_empty(b, n, heads * values.shape[-1])
    for image in range(b):
        table = _padded(values[image], shapes)
        for start in range(0, n, PIECE):
            some = slice(start, start + PIECE)
            out[image, some] = _weighted_rows(table, places[image, some], weights[image, some], shapes)
    return out


def _padded(values: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """The maps of one image, ``values`` (Σhw, heads, c), each in a ring of zeros: (Σ(h+2)(w+2), heads, c) float32.

    Places outside of a map move onto its ring.
    """
    sides = [(h + 2, w + 2) for h, w in shapes]
    table = values.new_zeros(sum(h * w for h, w in sides), *values.shape[1:], dtype=torch.float32)
    inner = torch.split(values, [h * w for h, w in shapes])
    outer = torch.split(table, [h * w for h, w in sides])
    for image, shape, padded, side in zip(inner, shapes, outer, sides, strict=True):
        padded.view(*side, *table.shape[1:])[1:-1, 1:-1] = image.view(*shape, *table.shape[1:])
    return table


def _weighted_rows(table: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Samples (n, heads · c) for n queries of one image, from the ``table`` (rows, heads, c) of its padded maps."""
    n, heads, _, points = weights.shape
    weights = weights.flatten(2)  # (n, heads, L · P)
    sides, starts = table_layout(tuple(shapes), points)
    # x, y in pixels of the padded map
    places = torch.clamp(places.flatten(2, 3) + 0.5, places.new_zeros(()), sides + 1)
    corner = torch.minimum(places.floor(), sides)
    right_weight, bottom_weight = (places - corner).unbind(-1)
    bottom_weight = bottom_weight * weights
    top_weight = weights - bottom_weight
    bottom_right, top_right = bottom_weight * right_weight, top_weight * right_weight
    corners = (top_weight - top_right, top_right, bottom_weight - bottom_right, bottom_right)

    left, top = corner.int().unbind(-1)
    row = (sides[:, 0] + 2).int()
    first = (top * row).add_(left).add_(starts).mul_(heads)
    first += torch.arange(heads, dtype=torch.int32, device=first.device)[:, None]
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
    """Width and height of each sample's map, (L · P, 2) float32, and its first row in the table, (L · P) int32."""
    sizes = torch.tensor(shapes).repeat_interleave(points, 0)
    starts = torch.tensor([0, *((h + 2) * (w + 2) for h, w in shapes)]).cumsum(0)[:-1]
    return sizes.flip(1).float(), starts.repeat_interleave(points).int()


@dispatch.operation
def short_softmax(logits: Tensor) -> Tensor:
    """Softmax over a last dimension that is shorter than a register of the processor, float32."""
    return logits.softmax(-1, dtype=torch.float32)


@dispatch.fast_form(short_softmax, when=dispatch.on_cpu)
def short_softmax_by_columns(logits: Tensor) -> Tensor:
    """Over the first dimension of the transpose: many rows at a time."""
    return logits.flatten(0, -2).t().softmax(0, dtype=torch.float32).t().contiguous().view(logits.shape)
