"""Sampling of deformable attention as one Triton kernel, for GPUs.

After the CUDA kernel of Deformable DETR (Zhu et al., arXiv 2010.04159): no sampled point is ever written to memory.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from .cache import shape_cache

QUERIES = 32
"""Queries of one program. Neighbours look at neighbouring places, so a program reads a small part of the map."""


def launch(values: Tensor, places: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """:func:`~.deformable.sample`. ``values`` are read as they are; sums are float32 and rounded once."""
    b, n, heads, levels, points = weights.shape
    channels = values.shape[-1]
    out = values.new_empty(b, n, heads * channels)
    with torch.cuda.device_of(values):  # type: ignore[no-untyped-call]  # where Triton launches
        _sample_kernel[triton.cdiv(n, QUERIES), heads, b](
            values.contiguous(),
            places.float().contiguous(),
            weights.float().contiguous(),
            level_table(tuple(shapes), values.device),
            out,
            n,
            values.shape[1],
            HEADS=heads,
            LEVELS=levels,
            POINTS=points,
            CHANNELS=channels,
            QUERIES=QUERIES,
            WIDTH=triton.next_power_of_2(channels),
            enable_fp_fusion=True,  # Triton's default, but it warns that this will change
        )
    return out


@shape_cache
def level_table(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """Height, width and first row of every level, (L, 3) int32."""
    heights, widths = torch.tensor(shapes, dtype=torch.int32).unbind(1)
    areas = heights * widths
    return torch.stack((heights, widths, areas.cumsum(0).int() - areas), 1).to(device)


@triton.jit  # type: ignore[untyped-decorator]
def _sample_kernel(  # type: ignore[no-untyped-def]
    values,  # (B, Σhw, heads, c)
    places,  # (B, N, heads, L, P, 2) float32
    weights,  # (B, N, heads, L, P) float32
    table,  # (L, 3) int32
    out,  # (B, N, heads, c)
    n,
    rows,  # Σhw
    HEADS: tl.constexpr,  # noqa: N803 (constants of the kernel)
    LEVELS: tl.constexpr,  # noqa: N803
    POINTS: tl.constexpr,  # noqa: N803
    CHANNELS: tl.constexpr,  # noqa: N803
    QUERIES: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr,  # noqa: N803
):
    """One head of ``QUERIES`` neighbouring queries: ``WIDTH`` sums for each, and the first ``CHANNELS`` are stored."""
    head = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)  # large batches pass 2³¹ values
    query = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
    channel = tl.arange(0, WIDTH)
    wanted = query < n
    place = (batch * n + query) * HEADS + head
    point = place * (LEVELS * POINTS)
    total = tl.zeros((QUERIES, WIDTH), tl.float32)
    for level in range(LEVELS):
        height = tl.load(table + 3 * level)
        width = tl.load(table + 3 * level + 1)
        first = tl.load(table + 3 * level + 2)
        image = values + ((batch * rows + first) * HEADS + head) * CHANNELS
        for _ in range(POINTS):
            # A place more than a pixel outside the map counts nothing. It is clamped, since its row must fit an int.
            x = tl.load(places + 2 * point, mask=wanted, other=0.0) - 0.5
            y = tl.load(places + 2 * point + 1, mask=wanted, other=0.0) - 0.5
            weight = tl.load(weights + point, mask=wanted, other=0.0)
            x = tl.minimum(tl.maximum(x, -1.0), width.to(tl.float32))
            y = tl.minimum(tl.maximum(y, -1.0), height.to(tl.float32))
            left = tl.floor(x)
            top = tl.floor(y)
            right_part = x - left
            bottom_part = y - top
            for bottom in tl.static_range(2):
                for right in tl.static_range(2):
                    column = left.to(tl.int32) + right
                    row = top.to(tl.int32) + bottom
                    share = (right_part if right else 1 - right_part) * (bottom_part if bottom else 1 - bottom_part)
                    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
                    pixel = image + (row * width + column) * (HEADS * CHANNELS)
                    value = tl.load(
                        pixel[:, None] + channel[None],
                        mask=(wanted & inside)[:, None] & (channel < CHANNELS)[None],
                        other=0.0,
                    )
                    total += value.to(tl.float32) * (share * weight)[:, None]
            point += 1
    tl.store(
        out + place[:, None] * CHANNELS + channel[None],
        total.to(out.dtype.element_ty),
        mask=wanted[:, None] & (channel < CHANNELS)[None],
    )
