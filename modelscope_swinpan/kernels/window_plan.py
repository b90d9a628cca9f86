"""How the tokens of a map are dealt out to windows for attention."""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .cache import shape_cache

MASKED = -100.0
"""What upstream adds to attention logits between tokens that are no neighbours before the cyclic shift."""


class WindowKind(NamedTuple):
    """Some windows, W of N tokens each, and what they have in common."""

    tokens: Tensor
    """(W · N) int64: the token at each place of each window; B · h · w, one more than there are, is padding."""
    mask: Tensor | None
    """(Q, N) float32: what is added to the attention logits; nothing, if None."""
    queries: Tensor | None
    """(Q) int64: the places in a window whose attention is wanted; all N of them, if None."""

    def biased(self, bias: Tensor) -> Tensor:
        """What is added to the logits (heads, Q, N) of these windows, from the ``bias`` (heads, N, N) of all."""
        if self.queries is not None:
            bias = bias.index_select(1, self.queries)
        return bias if self.mask is None else bias + self.mask.to(bias.dtype)


class WindowPlan(NamedTuple):
    """The windows of B maps (h, w)."""

    places: Tensor
    """(B · h · w) int64: where among the queries of all windows each token is."""
    kinds: list[WindowKind]


@shape_cache
def window_plan(
    batch: int, height: int, width: int, size: int, shift: int, skip_padding: bool, device: torch.device
) -> WindowPlan:
    """The windows of ``size``² over maps that are zero-padded at the right and bottom, then rolled by ``shift``.

    A cyclic shift makes four kinds of windows: those of the last row and the last column hold tokens from both ends of
    the map. One mask serves each kind, and none per window is ever built. With ``skip_padding`` no query is padding,
    which makes up to nine kinds and is less work for a processor that does one after another.
    """
    total = batch * height * width
    token = torch.arange(total).view(batch, height, width)
    token = F.pad(token, (0, -width % size, 0, -height % size), value=total).roll((-shift, -shift), (1, 2))
    rows, columns = token.shape[1] // size, token.shape[2] // size
    windows = token.view(batch, rows, size, columns, size).transpose(2, 3)  # (B, rows, columns, size, size)
    kinds, answered = [], []
    row_bands, column_bands = (_bands(length, size, shift, skip_padding) for length in (height, width))
    for (some_rows, row_parts, wanted_rows), (some_columns, column_parts, wanted_columns) in product(
        row_bands, column_bands
    ):
        kind = windows[:, some_rows][:, :, some_columns].reshape(-1, size**2)
        part = torch.tensor([2 * row + column for row in row_parts for column in column_parts])
        queries = torch.tensor([row * size + column for row in wanted_rows for column in wanted_columns])
        answered.append(kind[:, queries].flatten())
        parted = len({*row_parts}) > 1 or len({*column_parts}) > 1
        mask = MASKED * (part[queries, None] != part).float()
        kinds.append(
            WindowKind(
                tokens=kind.flatten().to(device),
                mask=mask.to(device) if parted else None,
                queries=queries.to(device) if len(queries) < size**2 else None,
            )
        )
    order = torch.cat(answered)
    places = torch.empty(total + 1, dtype=torch.int64)
    places[order] = torch.arange(len(order))
    return WindowPlan(places[:total].to(device), kinds)


def _bands(
    length: int, size: int, shift: int, skip_padding: bool
) -> list[tuple[list[int], tuple[int, ...], tuple[int, ...]]]:
    """Rows (or columns) of windows by kind: which ones, the part of every token, and the tokens whose query is wanted.

    After a roll the last one holds tokens of both ends of the map: they are parts 0 and 1, strangers to each other.
    Plain numbers, as a trace cannot ask a tensor.
    """
    padded = length + -length % size
    bands: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for band, first in enumerate(range(0, padded, size)):
        parts = tuple(int(first + i >= padded - shift) for i in range(size))
        wanted = tuple(i for i in range(size) if not skip_padding or (first + i + shift) % padded < length)
        bands.setdefault((parts, wanted), []).append(band)
    return [(members, *kind) for kind, members in bands.items()]
