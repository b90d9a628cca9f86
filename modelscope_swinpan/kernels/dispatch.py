"""The rule that chooses between the forms of an operation.

An operation has a plain twin, which is ordinary PyTorch, and fast forms with the same arguments and the same result.
Fast forms are for eager inference. The plain twins run where gradients are recorded, in traces of ``torch.compile`` and
``torch.export``, and where the installed PyTorch lacks what a fast form needs.

Only this file asks what the processor is and names parts of PyTorch that are private or undocumented.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, TypeVar

import torch
from torch import Tensor

Fast = TypeVar("Fast", bound=Callable[..., Tensor])
TWINS: dict[Callable[..., Tensor], Callable[..., Tensor]] = {}  # the plain twin of every fast form


def twin_of(plain: Callable[..., Tensor]) -> Callable[[Fast], Fast]:
    """Mark a function as a fast form of ``plain``. The tests hold all that are marked to their twins."""

    def mark(fast: Fast) -> Fast:
        TWINS[fast] = plain
        return fast

    return mark


def _look_up(path: str) -> Any:
    """What stands at ``path`` below ``torch``; None where the installed version has nothing there."""
    found: Any = torch
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


onednn_convolution = _look_up("mkldnn_convolution")
_has_fast_bfloat16 = _look_up("ops.mkldnn._is_mkldnn_bf16_supported")
_has_amx = _look_up("cpu._is_amx_tile_supported")
IN_PLACE: Mapping[str, Any] = {"gelu": _look_up("ops.aten.gelu_"), "relu": _look_up("relu_")}
"""Activation functions that overwrite their input. Those that are missing are None."""


def on_cpu(device: torch.device) -> bool:
    """Whether ``device`` is the CPU."""
    return device.type == "cpu"


def on_gpu(device: torch.device) -> bool:
    """Whether ``device`` is a CUDA GPU."""
    return device.type == "cuda"


def is_traced() -> bool:
    """Whether torch.compile or torch.export is tracing."""
    return torch.compiler.is_compiling()


def eager_inference() -> bool:
    """Whether no gradients are recorded and nothing is traced."""
    return not torch.is_grad_enabled() and not is_traced()


def cpu_inference(x: Tensor) -> bool:
    """Whether ``x`` is on the CPU, in eager inference."""
    return on_cpu(x.device) and eager_inference()


def onednn_is_faster(x: Tensor) -> bool:
    """Whether oneDNN multiplies a large ``x`` faster than PyTorch's own linear layer does."""
    return cpu_inference(x) and x.dtype in onednn_dtypes()


@cache
def onednn_dtypes() -> tuple[torch.dtype, ...]:
    """The dtypes that oneDNN multiplies fast on this processor.

    None where PyTorch comes without MKL: that build is for other processors than x86.
    """
    libraries: tuple[Any, ...] = (torch.backends.mkldnn, torch.backends.mkl)
    if onednn_convolution is None or not all(library.is_available() for library in libraries):
        return ()
    bfloat16 = _has_fast_bfloat16 is not None and _has_fast_bfloat16()
    return (torch.float32, torch.bfloat16) if bfloat16 else (torch.float32,)


def activates_in_place(x: Tensor, activation: str) -> bool:
    """Whether inference with ``x`` may overwrite the input of an ``activation``."""
    return cpu_inference(x) and IN_PLACE[activation] is not None


def products_are_faster(q: Tensor) -> bool:
    """Whether attention by products beats PyTorch's own, which is written for AMX where it computes in bfloat16."""
    return q.dtype == torch.bfloat16 and cpu_inference(q) and not has_matrix_unit()


@cache
def has_matrix_unit() -> bool:
    """Whether the processor has AMX. Yes where PyTorch does not tell, so that its own attention is taken."""
    return _has_amx is None or bool(_has_amx())


def triton_is_faster(x: Tensor, trial: Callable[[torch.device], object]) -> bool:
    """Whether to take a Triton kernel for ``x``: on a GPU, in eager inference, if it passed its ``trial``."""
    return on_gpu(x.device) and eager_inference() and triton_works(trial, x.device)


@cache
def triton_works(trial: Callable[[torch.device], object], device: torch.device) -> bool:
    """Whether Triton is installed and runs ``trial`` on ``device``. Warns once where it is installed and fails.

    Triton compiles at the first use. It needs a C compiler and Python's headers, which small containers lack.
    """
    if find_spec("triton") is None:
        return False
    try:
        trial(device)
    except Exception as error:  # from the compiler, the driver or an import: the plain twin works in any case
        warnings.warn(
            f"Triton does not work here ({str(error).strip()[:200]}): PyTorch's slower operations take its place.",
            stacklevel=2,
        )
        return False
    return True
