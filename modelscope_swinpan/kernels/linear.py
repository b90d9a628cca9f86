"""Linear layers, and two of them with an activation between."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import dispatch

FEW_ROWS = 512  # with fewer, reordering the weights costs more than the faster product gains
HIDDEN_BYTES = 2**24
"""Bytes of hidden values in one piece of a feed-forward network: they stay in the processor's cache."""

Activation = Literal["gelu", "relu"]
ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu}


class Linear(nn.Linear):
    """``torch.nn.Linear`` that computes with :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(…, in) → (…, out)."""
        return linear(input, self.weight, self.bias)


@dispatch.operation
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` (…, in) times ``weight`` (out, in), plus ``bias`` (out): (…, out)."""
    return F.linear(x, weight, bias)


def _has_many_rows(x: Tensor, *_: object, **__: object) -> bool:
    return dispatch.on_cpu(x) and x.dtype in dispatch.onednn_dtypes() and x.numel() >= FEW_ROWS * x.shape[-1]


@dispatch.fast_form(linear, when=_has_many_rows)
def linear_by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product as a 1 × 1 convolution, channels last, in which rows are pixels.

    PyTorch leaves float32 products to MKL, which on AMD's processors takes up to twice as long as oneDNN.
    """
    pixels = x.reshape(1, 1, -1, x.shape[-1]).permute(0, 3, 1, 2)  # (1, in, 1, rows)
    # Called by its name: with one thread, conv2d itself would go back to MKL.
    out: Tensor = dispatch.onednn_convolution(pixels, weight[:, :, None, None], bias, (0, 0), (1, 1), (1, 1), 1)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


@dispatch.operation
def feed_forward(x: Tensor, fc1: nn.Linear, activation: Activation, fc2: nn.Linear) -> Tensor:
    """``fc2(activation(fc1(x)))`` over the last dimension of ``x`` (…, C)."""
    out: Tensor = fc2(ACTIVATIONS[activation](fc1(x)))
    return out


def _pieces(x: Tensor, fc1: nn.Linear) -> int:
    """The number of pieces of about :data:`HIDDEN_BYTES`, each with :data:`FEW_ROWS` rows or more."""
    rows = x.numel() // x.shape[-1]
    hidden_bytes = rows * fc1.out_features * x.element_size()
    return min(-(-hidden_bytes // HIDDEN_BYTES), rows // FEW_ROWS)


def _has_many_pieces(x: Tensor, fc1: nn.Linear, activation: Activation, *_: object) -> bool:
    return dispatch.on_cpu(x) and dispatch.IN_PLACE[activation] is not None and _pieces(x, fc1) > 1


@dispatch.fast_form(feed_forward, when=_has_many_pieces)
def feed_forward_in_pieces(x: Tensor, fc1: nn.Linear, activation: Activation, fc2: nn.Linear) -> Tensor:
    """In pieces of about :data:`HIDDEN_BYTES`, so that no large buffer is needed.

    The activation works in place: memory that is fresh each time costs as much as the activation itself.
    """
    in_place = dispatch.IN_PLACE[activation]
    pieces = torch.tensor_split(x.flatten(0, -2), max(1, _pieces(x, fc1)))
    return torch.cat([fc2(in_place(fc1(piece))) for piece in pieces]).view(*x.shape[:-1], -1)
