"""Multi-scale deformable attention (Zhu et al., Deformable DETR, arXiv 2010.04159) in plain PyTorch."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MultiScaleDeformableAttention(nn.Module):
    """Every query looks at P points on each of L levels, at learned offsets from its own place.

    ``num_heads`` and ``num_points`` are not to be seen from the sizes of a checkpoint's weights, only their product.
    """

    def __init__(self, *, dim: int, num_heads: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_levels = num_levels
        self.num_points = num_points
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(dim, 2 * samples)
        self.attention_weights = nn.Linear(dim, samples)
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)

    def forward(
        self, query: Tensor, value: Tensor, reference_points: Tensor, shapes: Sequence[tuple[int, int]]
    ) -> Tensor:
        """Attend from ``query`` (B, N, C) to ``value`` (B, Σhw, C), which holds levels of ``shapes`` (h, w).

        ``reference_points`` (N, 2) float32 are x, y in 0–1. Returns (B, N, C). Places and weights are float32 whatever
        the dtype of the model: bfloat16 cannot tell neighbouring pixels of a large map apart.
        """
        b, n, _ = query.shape
        grid = (b, n, self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).view(*grid, 2).float()
        weights = self.attention_weights(query).view(b, n, self.num_heads, -1).float().softmax(-1).view(grid)
        extent = torch.tensor([(w, h) for h, w in shapes], dtype=torch.float32, device=query.device)
        locations = reference_points[:, None, None, None] + offsets / extent[:, None]  # (B, N, heads, L, P, 2)
        values = self.value_proj(value).view(b, value.shape[1], self.num_heads, -1)
        sampled = sample(values, locations, weights, shapes)
        out: Tensor = self.output_proj(sampled.to(query.dtype))
        return out


def sample(values: Tensor, locations: Tensor, weights: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """Weighted sum of bilinear samples, zero outside the map.

    ``values`` (B, Σhw, heads, c), ``locations`` (B, N, heads, L, P, 2) as x, y in 0–1, ``weights`` (B, N, heads, L, P).
    Returns (B, N, heads · c) float32.
    """
    b, n, heads, _, _ = weights.shape
    total = values.new_zeros((b * heads, values.shape[-1], n), dtype=torch.float32)
    start = 0
    for level, (h, w) in enumerate(shapes):
        image = values[:, start : start + h * w].permute(0, 2, 3, 1).reshape(b * heads, -1, h, w).float()
        start += h * w
        grid = (2 * locations[:, :, :, level] - 1).transpose(1, 2).flatten(0, 1)  # (B · heads, N, P, 2)
        points = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        weight = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]  # (B · heads, 1, N, P)
        total += (points * weight).sum(-1)
    return total.view(b, -1, n).transpose(1, 2)
