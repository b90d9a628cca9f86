"""Attention within the windows of a map (Swin, Liu et al., arXiv 2103.14030).

The plain twin is the paper's: pad the map, roll it, cut it into windows, attend, and go all the way back. The fast form
gathers the tokens of each window where they lie, by a plan that is made once a size.
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import dispatch
from .attention import biased_attention
from .cache import shape_cache

MASKED = -100.0  # added to the logits between tokens that are no neighbours on the map, as the authors do
LOGITS = 2**20
"""Attention logits that a CPU works on at a time: they stay in its cache, as do the tokens they come from."""


@dispatch.operation
def windowed_attention(x: Tensor, qkv: nn.Linear, bias: Tensor, *, size: int, shift: int) -> Tensor:
    """Self-attention within windows of ``size``² = N tokens, before the output projection.

    The map is zero-padded at the right and bottom to whole windows. The padding takes part in the attention, as in the
    authors' code. Then the map is rolled up and left by ``shift`` tokens. Its seam now runs through the last row and
    the last column of windows: they hold tokens of both ends of the map, which do not see each other.

    Args:
        x: (B, h, w, C).
        qkv: makes queries, keys and values (…, 3C) of tokens (…, C).
        bias: (heads, N, N), added to the logits of every window.
        size: the side of a window, in tokens.
        shift: 0 or half a window.

    Returns:
        (B, h, w, C).
    """
    # The sizes of the map may be symbols of a trace.
    b, h, w, c = x.shape
    tokens = qkv(F.pad(x, (0, 0, 0, -w % size, 0, -h % size)))
    if shift:
        tokens = tokens.roll((-shift, -shift), (1, 2))
    rows, columns = tokens.shape[1] // size, tokens.shape[2] // size
    windows = tokens.view(b, rows, size, columns, size, 3 * c).transpose(2, 3)  # (B, rows, columns, size, size, 3C)
    bands = []
    for some_rows, row_seam in _seams(rows, shift):
        band = []
        for some_columns, column_seam in _seams(columns, shift):
            some = windows[:, some_rows, some_columns]
            mask = _seam_mask(size, shift, row_seam, column_seam, x.device)
            out = _attend(some.reshape(-1, size**2, 3 * c), bias if mask is None else bias + mask.to(bias.dtype))
            band.append(out.view(*some.shape[:-1], c))
        bands.append(torch.cat(band, 2))
    out = torch.cat(bands, 1).transpose(2, 3).reshape(b, rows * size, columns * size, c)
    if shift:
        out = out.roll((shift, shift), (1, 2))
    return out[:, :h, :w]


def _seams(count: int, shift: int) -> list[tuple[slice, bool]]:
    """The ``count`` rows (or columns) of windows in one or two parts, and whether the seam runs through each."""
    if not shift:
        return [(slice(None), False)]
    return [(slice(None, -1), False), (slice(-1, None), True)] if count > 1 else [(slice(None), True)]


@dispatch.fast_form(windowed_attention)
def windowed_attention_by_plan(x: Tensor, qkv: nn.Linear, bias: Tensor, *, size: int, shift: int) -> Tensor:
    """On gathered tokens. One row of zeros stands for all padding.

    A CPU, which does one thing after another, gets no queries of padding, and a few windows at a time.
    """
    b, h, w, c = x.shape
    on_cpu = dispatch.on_cpu(x)
    plan = window_plan(b, h, w, size, shift, on_cpu, x.device)
    tokens = qkv(F.pad(x.reshape(-1, c), (0, 0, 0, 1)))  # (B · h · w + 1, 3C)
    out = []
    for kind in plan.kinds:
        biased = kind.biased(bias)
        at_once = max(1, LOGITS // biased.numel()) * size**2 if on_cpu else len(kind.tokens)
        for some in torch.split(kind.tokens, at_once):
            windows = tokens.index_select(0, some).view(-1, size**2, 3 * c)
            out.append(_attend(windows, biased, kind.queries).flatten(0, 1))
    attended = out[0] if len(out) == 1 else torch.cat(out)
    return attended.index_select(0, plan.places).view(b, h, w, c)


def _attend(windows: Tensor, bias: Tensor, queries: Tensor | None = None) -> Tensor:
    """Attention within each of ``windows`` (W, N, 3C), with ``bias`` (heads, Q, N): (W, Q, C).

    ``queries`` (Q) are the places in a window whose attention is wanted, by default all.
    """
    q, k, v = windows.view(*windows.shape[:2], 3, len(bias), -1).permute(2, 0, 3, 1, 4)  # (W, heads, N, c) each
    if queries is not None:
        q = q.index_select(2, queries)
    return biased_attention(q, k, v, bias).transpose(1, 2).flatten(2)


class WindowKind(NamedTuple):
    """W windows of N tokens that share a mask and the places of their padding."""

    tokens: Tensor
    """(W · N) int64: the token at each place of each window. B · h · w, one past the last token, is padding."""
    mask: Tensor | None
    """(Q, N) float32, added to the logits. None adds nothing."""
    queries: Tensor | None
    """(Q) int64: the places in a window whose attention is wanted. None means all N."""

    def biased(self, bias: Tensor) -> Tensor:
        """What is added to the logits of these windows, (heads, Q, N), given the ``bias`` (heads, N, N)."""
        if self.queries is not None:
            bias = bias.index_select(1, self.queries)
        return bias if self.mask is None else bias + self.mask.to(bias.dtype)


class WindowPlan(NamedTuple):
    """The windows of B maps (h, w)."""

    places: Tensor
    """(B · h · w) int64: the place of each token among the queries of all kinds."""
    kinds: list[WindowKind]


@shape_cache
def window_plan(
    batch: int, height: int, width: int, size: int, shift: int, skip_padding: bool, device: torch.device
) -> WindowPlan:
    """The windows of :func:`windowed_attention`, gathered by kind.

    There are at most four kinds, by whether they stand in the last row and in the last column. ``skip_padding`` leaves
    out the queries of padding, which makes up to nine kinds.
    """
    total = batch * height * width
    token = torch.arange(total).view(batch, height, width)
    token = F.pad(token, (0, -width % size, 0, -height % size), value=total).roll((-shift, -shift), (1, 2))
    rows, columns = token.shape[1] // size, token.shape[2] // size
    windows = token.view(batch, rows, size, columns, size).transpose(2, 3)  # (B, rows, columns, size, size)
    kinds, answered = [], []
    for row, column in product(_bands(height, size, shift, skip_padding), _bands(width, size, shift, skip_padding)):
        tokens = windows[:, row.windows, column.windows].reshape(-1, size**2)
        queries = torch.tensor([y * size + x for y in row.wanted for x in column.wanted])
        answered.append(tokens[:, queries].flatten())
        mask = _seam_mask(size, shift, row.seam, column.seam, torch.device("cpu"))
        kinds.append(
            WindowKind(
                tokens=tokens.flatten().to(device),
                mask=None if mask is None else mask[queries].to(device),
                queries=queries.to(device) if len(queries) < size**2 else None,
            )
        )
    order = torch.cat(answered)
    places = torch.empty(total + 1, dtype=torch.int64)
    places[order] = torch.arange(len(order))
    return WindowPlan(places[:total].to(device), kinds)


class _Band(NamedTuple):
    """Neighbouring rows (or columns) of windows that are alike."""

    windows: slice
    seam: bool
    """Whether the seam runs through them."""
    wanted: tuple[int, ...]
    """The rows (or columns) within a window whose queries are wanted."""


def _bands(length: int, size: int, shift: int, skip_padding: bool) -> list[_Band]:
    """The rows (or columns) of windows of a map that is ``length`` tokens high (or wide)."""
    padded = length + -length % size
    bands: dict[tuple[bool, tuple[int, ...]], list[int]] = {}
    for index, first in enumerate(range(0, padded, size)):
        seam = shift > 0 and first + size == padded
        wanted = tuple(i for i in range(size) if not skip_padding or (first + i + shift) % padded < length)
        bands.setdefault((seam, wanted), []).append(index)
    return [_Band(slice(members[0], members[-1] + 1), *kind) for kind, members in bands.items()]


@shape_cache
def _seam_mask(size: int, shift: int, rows: bool, columns: bool, device: torch.device) -> Tensor | None:
    """The mask (N, N), float32, of windows with a seam between rows, between columns or both; None without one."""
    if not (rows or columns):
        return None
    after = torch.arange(size, device=device) >= size - shift
    part = (2 * rows * after[:, None] + columns * after.long()).flatten()
    return MASKED * (part[:, None] != part).float()
