"""Attention of many short sequences with one bias, by the fastest way a processor has."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .linear import is_plain_cpu

LOGITS = 2**21
"""Attention logits in one piece, bfloat16: they stay in the processor's cache."""


def biased_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attention with ``bias`` (heads, N, N) added to the logits. All others, and the result, are (W, heads, N, c)."""
    if q.dtype == torch.bfloat16 and is_plain_cpu(q) and not _has_matrix_unit():
        return _by_products(q, k, v, bias)
    # Four dimensions of bias: with three, PyTorch's CPU falls back to a slower attention.
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])


def _by_products(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """In so many words: PyTorch's own makes thousands of tiny products of sequences as short as a window.

    Logits are summed in float32 with their bias, and rounded once; the softmax is float32 within.
    """
    windows, heads, n, c = q.shape
    step = max(1, LOGITS // (heads * n * n))
    biases = bias.repeat(min(step, windows), 1, 1)  # (some windows · heads, N, N)
    out = []
    for some in zip(*(torch.split(x, step) for x in (q, k, v)), strict=True):
        queries, keys, values = (x.reshape(-1, n, c) for x in some)
        logits = torch.baddbmm(biases[: len(queries)], queries, keys.transpose(1, 2), alpha=c**-0.5)
        out.append(torch.bmm(logits.softmax(-1), values))
    return torch.cat(out).view(windows, heads, n, c)


@cache
def _has_matrix_unit() -> bool:
    """Whether the processor has AMX, for which PyTorch's own attention is written."""
    return torch.cpu._is_amx_tile_supported()
