"""Linear layers by the fastest way a processor has."""

from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW_ROWS = 512
"""With fewer, reordering the weights costs more than the faster product gains."""
HIDDEN_BYTES = 2**24
"""Hidden values of a feed-forward network in one piece: they stay in the cache, and no large buffer is ever needed."""


Activation = Literal["gelu", "relu"]
ACTIVATIONS: dict[Activation, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "gelu": (F.gelu, torch.ops.aten.gelu_),
    "relu": (F.relu, torch.relu_),
}
"""Each, and the same in place."""


class Linear(nn.Linear):
    """``torch.nn.Linear`` by way of :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(…, in) → (…, out)."""
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.linear``, for large inputs on a CPU through oneDNN.

    PyTorch leaves float32 products to MKL, which is up to twice as slow on processors not of its maker. oneDNN has the
    same product as a 1 × 1 convolution, channels last, where rows are pixels.
    """
    if not is_plain_cpu(x) or x.dtype not in _onednn_dtypes() or (rows := x.numel() // x.shape[-1]) < FEW_ROWS:
        return F.linear(x, weight, bias)
    pixels = x.reshape(1, 1, rows, -1).permute(0, 3, 1, 2)  # (1, C, 1, rows)
    # Called by its name: with one thread, conv2d itself would go back to MKL.
    out: Tensor = torch.mkldnn_convolution(pixels, weight[:, :, None, None], bias, (0, 0), (1, 1), (1, 1), 1)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


def feed_forward(x: Tensor, fc1: nn.Linear, activation: Activation, fc2: nn.Linear) -> Tensor:
    """``fc2(activation(fc1(x)))`` over the last dimension, for inference on a CPU in pieces of :data:`HIDDEN_BYTES`."""
    function, in_place = ACTIVATIONS[activation]
    count = x.numel() // x.shape[-1]
    hidden_bytes = count * fc1.out_features * x.element_size()
    pieces = min(-(-hidden_bytes // HIDDEN_BYTES), count // FEW_ROWS)
    if not is_plain_cpu(x) or pieces < 2:
        whole: Tensor = fc2(function(fc1(x)))
        return whole
    rows = x.flatten(0, -2)
    # In place: memory that is fresh each time costs as much as the activation itself.
    out = [fc2(in_place(fc1(piece))) for piece in torch.tensor_split(rows, pieces)]
    return torch.cat(out).view(*x.shape[:-1], -1)


def is_plain_cpu(x: Tensor) -> bool:
    """Whether ``x`` is being computed with here and now on a CPU: nothing is differentiated, compiled or exported."""
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


@cache
def _onednn_dtypes() -> tuple[torch.dtype, ...]:
    """What oneDNN multiplies fast on this processor. Without MKL, PyTorch was built for other processors."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):  # type: ignore[no-untyped-call]
        return ()
    bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return (torch.float32, torch.bfloat16) if bfloat16 else (torch.float32,)
