"""Swin's windowed attention for an exported model, in the form that every runtime knows."""

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from ..kernels.window_plan import MASKED, WindowPlan
from .backbones.swin import WindowAttention
from .mask2former import Mask2Former


class RolledWindowAttention(WindowAttention):
    """:class:`WindowAttention` as the paper has it: pad, roll, cut into windows, attend, and all the way back.

    Nothing here follows from the number of images, so that one trace holds for every batch. The padding goes through
    all of it, which is slower.
    """

    def plan(self, x: Tensor) -> WindowPlan:
        """No list of windows: it would follow from the number of images."""
        none = torch.empty(0, dtype=torch.int64)
        return WindowPlan(none, [])

    def forward(self, x: Tensor, plan: WindowPlan) -> Tensor:
        """(B, h, w, C) → the same shape."""
        b, h, w, c = x.shape
        size, shift = self.window_size, self.shift
        qkv = self.qkv(F.pad(x, (0, 0, 0, -w % size, 0, -h % size))).roll((-shift, -shift), (1, 2))
        rows, columns = qkv.shape[1] // size, qkv.shape[2] // size
        windows = qkv.view(b, rows, size, columns, size, 3 * c).transpose(2, 3)
        bias = self.relative_position_bias()
        bands = []
        for row_slice, row_part in parts(rows, size, shift):
            band = []
            for column_slice, column_part in parts(columns, size, shift):
                kind = windows[:, row_slice, column_slice]  # (B, some rows, some columns, size, size, 3C)
                part = (2 * row_part[:, None] + column_part).flatten()
                mask = MASKED * (part[:, None] != part).to(bias)
                heads = kind.reshape(-1, size**2, 3, self.num_heads, c // self.num_heads)
                band.append(self.attend(heads, bias + mask).view(*kind.shape[:-1], c))
            bands.append(torch.cat(band, 2))
        attended = torch.cat(bands, 1).transpose(2, 3).reshape(b, rows * size, columns * size, c)
        projected: Tensor = self.proj(attended.roll((shift, shift), (1, 2))[:, :h, :w])
        return projected


def parts(count: int, size: int, shift: int) -> list[tuple[slice, Tensor]]:
    """Which of ``count`` rows (or columns) of windows are of one kind, and for each the part of every token.

    The last one holds tokens of both ends of the map after a roll: they are parts 0 and 1, strangers to each other.
    """
    whole = torch.zeros(size, dtype=torch.int64)
    if not shift:
        return [(slice(None), whole)]
    last = slice(-1, None), (torch.arange(size) >= size - shift).long()
    return [(slice(None, -1), whole), last] if count > 1 else [last]


def with_rolled_windows(model: Mask2Former) -> Mask2Former:
    """A copy of ``model`` that shares its weights and has rolled windows."""
    weights = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, weights)
    for module in copied.modules():
        if isinstance(module, WindowAttention):
            module.__class__ = RolledWindowAttention
    return copied
