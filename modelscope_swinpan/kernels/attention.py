"""Attention with a bias or a mask, by the fastest way a processor has."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .linear import is_plain_cpu


def biased_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attention (W, heads, Q, c) of ``q``, shaped like that, to ``k`` and ``v`` (W, heads, N, c) in W windows.

    ``bias`` (heads, Q, N) is added to the logits.
    """
    if not _products_are_faster(q):
        # Four dimensions of bias: with three, PyTorch's CPU falls back to a slower attention.
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])
    # In so many words: PyTorch's own makes thousands of tiny products of sequences as short as a window. Logits are
    # summed in float32 with their bias, and rounded once.
    queries, keys, values = (x.flatten(0, 1) for x in (q, k, v))
    logits = bias.to(q.dtype).repeat(len(q), 1, 1).baddbmm_(queries, keys.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.bmm(_softmax(logits), values).view(q.shape)


def masked_attention(q: Tensor, k: Tensor, v: Tensor, blocked: Tensor | None = None) -> Tensor:
    """Attention (B, heads, Q, c) of ``q``, shaped like that, to ``k`` and ``v`` (B, heads, N, c).

    ``blocked`` (B, Q, N) bool is True where a query, with all its heads, must not look.
    """
    if blocked is None or not _products_are_faster(q):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=None if blocked is None else ~blocked[:, None])
    masks = q.new_zeros(blocked.shape).masked_fill_(blocked, -torch.inf)
    out = [
        _softmax(torch.addmm(mask, query, key.t(), alpha=q.shape[-1] ** -0.5)) @ value
        for mask, *heads in zip(masks, q, k, v, strict=True)
        for query, key, value in zip(*heads, strict=True)
    ]
    return torch.stack(out).view(q.shape)


def _softmax(logits: Tensor) -> Tensor:
    """Softmax of bfloat16 by way of float32, which is its precision in any case, and twice as fast for short rows."""
    return logits.softmax(-1, dtype=torch.float32).to(logits.dtype)


def _products_are_faster(q: Tensor) -> bool:
    """Whether attention is faster in so many words: in bfloat16 on a CPU for which PyTorch's own is not written."""
    return q.dtype == torch.bfloat16 and is_plain_cpu(q) and not _has_matrix_unit()


@cache
def _has_matrix_unit() -> bool:
    """Whether the processor has AMX, for which PyTorch's own attention is written."""
    return torch.cpu._is_amx_tile_supported()
