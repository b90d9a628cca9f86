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
    for (some_rows, row_part, row_inside), (some_columns, column_part, column_inside) in product(
        _bands(height, size, shift, skip_padding), _bands(width, size, shift, skip_padding)
    ):
        kind = windows[:, some_rows][:, :, some_columns].reshape(-1, size**2)
        part = (2 * row_part[:, None] + column_part).flatten()
        inside = (row_inside[:, None] & column_inside).flatten()
        mask = MASKED * (part[inside, None] != part).float()
        answered.append(kind[:, inside].flatten())
        kinds.append(
            WindowKind(
                tokens=kind.flatten().to(device),
                mask=mask.to(device) if mask.any() else None,
                queries=None if inside.all() else inside.nonzero().flatten().to(device),
            )
        )
    order = torch.cat(answered)
    places = torch.empty(total + 1, dtype=torch.int64)
    places[order] = torch.arange(len(order))
    return WindowPlan(places[:total].to(device), kinds)


def _bands(length: int, size: int, shift: int, skip_padding: bool) -> list[tuple[list[int], Tensor, Tensor]]:
    """Rows (or columns) of windows by kind: which ones, the part of every token, and whether its query is wanted.

    After a roll the last one holds tokens of both ends of the map: they are parts 0 and 1, strangers to each other.
    """
    padded = length + -length % size
    place = torch.arange(padded).view(-1, size)
    parts = (place >= padded - shift).long()
    inside = (place + shift) % padded < (length if skip_padding else padded)
    bands: dict[str, list[int]] = {}
    for row, kind in enumerate(zip(parts.tolist(), inside.tolist(), strict=True)):
        bands.setdefault(str(kind), []).append(row)
    return [(rows, parts[rows[0]], inside[rows[0]]) for rows in bands.values()]
