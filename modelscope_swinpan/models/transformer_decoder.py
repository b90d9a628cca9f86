"""Masked-attention transformer decoder (Cheng et al., Mask2Former, arXiv 2112.01527)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerDecoderConfig
from ..kernels.attention import masked_attention
from ..kernels.linear import linear
from ..kernels.masks import predict_masks
from ..structures import Mask2FormerOutput
from .position_encoding import sine_position_encoding


class TransformerDecoder(nn.Module):
    """Each learned query reads one scale after another, only inside its last mask, and predicts a class and a mask."""

    def __init__(self, config: TransformerDecoderConfig, *, dim: int, num_levels: int, num_classes: int) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.query_feat = nn.Parameter(torch.zeros(config.num_queries, dim))
        self.query_pos = nn.Parameter(torch.zeros(config.num_queries, dim))
        self.level_embed = nn.Parameter(torch.zeros(num_levels, dim))
        self.layers = nn.ModuleList(DecoderLayer(config, dim=dim) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(dim)
        self.class_head = nn.Linear(dim, num_classes + 1)
        self.mask_head = nn.Sequential(
            nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)
        )

    def forward(
        self, mask_features: Tensor, multi_scale_features: Sequence[Tensor], *, return_aux: bool = False
    ) -> Mask2FormerOutput:
        """Class and mask logits of every query.

        Args:
            mask_features: (B, C, H/4, W/4).
            multi_scale_features: [(B, C, h, w)], coarsest first.
            return_aux: whether to add the predictions before the first layer and after every layer but the last.
        """
        batch = mask_features.shape[0]
        shapes = [(x.shape[2], x.shape[3]) for x in multi_scale_features]
        memories, positions = [], []
        for x, embed in zip(multi_scale_features, self.level_embed, strict=True):
            memories.append(x.flatten(2).transpose(1, 2) + embed)  # (B, hw, C)
            positions.append(sine_position_encoding(x.shape[2], x.shape[3], x.shape[1], x.device).to(x.dtype))
        # A bilinear resize and a product over channels commute. So the masks that steer attention are predicted at the
        # resolution of their level; full-size masks are needed for the answer only.
        small = [F.interpolate(mask_features, size=shape, mode="bilinear", align_corners=False) for shape in shapes]
        queries = self.query_feat.expand(batch, -1, -1)  # (B, Q, C)
        aux = []
        for index, layer in enumerate(self.layers):
            level = index % self.num_levels
            normed = self.norm(queries)
            if return_aux:
                aux.append(self.predict(normed, mask_features))
            attention_mask = blocked(predict_masks(self.mask_head(normed), small[level]))
            queries = layer(queries, self.query_pos, memories[level], positions[level], attention_mask)
        class_logits, mask_logits = self.predict(self.norm(queries), mask_features)
        return Mask2FormerOutput(class_logits, mask_logits, tuple(aux))

    def predict(self, normed: Tensor, mask_features: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (B, Q, K+1) and mask logits (B, Q, H/4, W/4), float32."""
        mask_logits = predict_masks(self.mask_head(normed), mask_features)
        return self.class_head(normed).float(), mask_logits


def blocked(mask_logits: Tensor) -> Tensor:
    """The attention mask, (B, Q, hw) bool, True = blocked. A query looks inside its mask, or everywhere if it is empty.

    ``mask_logits`` (B, Q, h, w) are float32: in bfloat16 the sigmoid of -0.0039 is 0.5 already.
    """
    mask = mask_logits.detach().flatten(2).sigmoid() < 0.5
    return mask & ~mask.all(dim=-1, keepdim=True)


class DecoderLayer(nn.Module):
    """Masked cross-attention, self-attention and a feed-forward network, each with a residual and then a norm."""

    def __init__(self, config: TransformerDecoderConfig, *, dim: int) -> None:
        super().__init__()
        self.cross_attn = MultiheadAttention(dim, config.num_heads)
        self.norm1 = nn.LayerNorm(dim)
        self.self_attn = MultiheadAttention(dim, config.num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.ffn_dim)
        self.fc2 = nn.Linear(config.ffn_dim, dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(
        self, queries: Tensor, query_pos: Tensor, memory: Tensor, position: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """``queries`` (B, Q, C) → the same shape.

        They read ``memory`` (B, hw, C) where ``attention_mask`` (B, Q, hw) is not True. ``query_pos`` (Q, C) and
        ``position`` (hw, C) are added to queries and keys, never to values.
        """
        attended = self.cross_attn(queries + query_pos, memory + position, memory, attention_mask)
        queries = self.norm1(queries + attended)
        placed = queries + query_pos
        queries = self.norm2(queries + self.self_attn(placed, placed, queries))
        queries = self.norm3(queries + self.fc2(F.relu(self.fc1(queries))))
        return queries


class MultiheadAttention(nn.Module):
    """``torch.nn.MultiheadAttention`` with the same parameters, batch first, with one mask for all heads."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {dim} channels")
        self.num_heads = num_heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """(B, Q, C) for ``query`` (B, Q, C), ``key`` and ``value`` (B, N, C), mask (B, Q, N) bool, True = blocked."""
        projections = zip(self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        q, k, v = (
            linear(x, weight, bias).view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)
            for x, (weight, bias) in zip((query, key, value), projections, strict=True)
        )
        out = masked_attention(q, k, v, attention_mask)  # (B, heads, Q, C / heads)
        projected: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return projected
