"""Multi-scale deformable attention (Zhu et al., Deformable DETR, arXiv 2010.04159)."""

from collections.abc import Sequence

from torch import Tensor, nn

from ..kernels.deformable import sample, short_softmax
from ..kernels.linear import Linear


class MultiScaleDeformableAttention(nn.Module):
    """Every query looks at P points on each of L levels, at offsets from its own place that it predicts.

    The shapes of the weights tell only the product of ``num_heads`` and ``num_points``.
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
        """Attend from ``query`` to ``value``.

        Places and weights are float32 in a model of any dtype: bfloat16 cannot tell neighbouring pixels of a large map
        apart.

        Args:
            query: (B, N, C).
            value: (B, Σhw, C), the maps of all levels one after another.
            centres: (N, L, P, 2) float32: each query's own place on each level, x, y in pixels of that level, repeated
                for its P points.
            shapes: (h, w) of each level.

        Returns:
            (B, N, C).
        """
        b, n, _ = query.shape
        grid = (b, n, self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).view(*grid, 2).float()
        weights = short_softmax(self.attention_weights(query).view(b, n, self.num_heads, -1)).view(grid)
        places = centres[:, None] + offsets  # (B, N, heads, L, P, 2)
        values = self.value_proj(value).view(b, value.shape[1], self.num_heads, -1)
        out: Tensor = self.output_proj(sample(values, places, weights, shapes))
        return out
