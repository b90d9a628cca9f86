"""Attention with a bias or a mask."""

import torch
from torch import Tensor
from torch.nn import functional as F

from . import dispatch


@dispatch.operation
def biased_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attention of ``q`` (W, heads, Q, c) to ``k`` and ``v`` (W, heads, N, c) in W windows, shaped like ``q``.

    ``bias`` (heads, Q, N) is added to the logits.
    """
    # The bias has four dimensions: with three, PyTorch's CPU falls back to a slower attention.
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])


@dispatch.fast_form(biased_attention, when=dispatch.products_are_faster)
def biased_attention_by_products(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """By batched products. PyTorch's own attention makes thousands of tiny products for sequences as short as windows.

    Logits and their bias are summed in float32 and rounded once.
    """
    queries, keys, values = (x.flatten(0, 1) for x in (q, k, v))
    logits = bias.to(q.dtype).repeat(len(q), 1, 1).baddbmm_(queries, keys.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.bmm(_softmax(logits), values).view(q.shape)


@dispatch.operation
def masked_attention(q: Tensor, k: Tensor, v: Tensor, blocked: Tensor | None = None) -> Tensor:
    """Attention of ``q`` (B, heads, Q, c) to ``k`` and ``v`` (B, heads, N, c), shaped like ``q``.

    ``blocked`` (B, Q, N) bool is True where a query, with all its heads, must not look. None blocks nothing.
    """
    return F.scaled_dot_product_attention(q, k, v, attn_mask=None if blocked is None else ~blocked[:, None])


@dispatch.fast_form(masked_attention, when=dispatch.products_are_faster)
def masked_attention_by_products(q: Tensor, k: Tensor, v: Tensor, blocked: Tensor | None = None) -> Tensor:
    """By products, one head of one image at a time."""
    if blocked is None:
        return F.scaled_dot_product_attention(q, k, v)
    masks = q.new_zeros(blocked.shape).masked_fill_(blocked, -torch.inf)
    out = [
        _softmax(torch.addmm(mask, query, key.t(), alpha=q.shape[-1] ** -0.5)) @ value
        for mask, *heads in zip(masks, q, k, v, strict=True)
        for query, key, value in zip(*heads, strict=True)
    ]
    return torch.stack(out).view(q.shape)


def _softmax(logits: Tensor) -> Tensor:
    """Softmax of bfloat16 through float32. It is as precise as PyTorch's own, and twice as fast for short rows."""
    return logits.softmax(-1, dtype=torch.float32).to(logits.dtype)
