"""The rule that chooses between the forms of an operation.

An operation is written in ordinary PyTorch: that is its plain twin. Its fast forms take the same arguments and give the
same result. They are for eager inference. The plain twin runs where gradients are recorded, in traces of
``torch.compile`` and ``torch.export``, and where the installed PyTorch lacks what a fast form needs.

Only this file asks what the processor is and names parts of PyTorch that are private or undocumented.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any, ParamSpec

import torch
from torch import Tensor

from ..errors import is_short_of_memory

P = ParamSpec("P")

FORMS: dict[Callable[..., Tensor], list[tuple[Callable[..., bool], Callable[..., Tensor]]]] = {}
"""The fast forms of each operation, first choice first, and for each the condition under which it is taken."""


def operation(plain: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Let a function take one of its fast forms in eager inference. ``__wrapped__`` is the plain twin."""
    forms: list[tuple[Callable[..., bool], Callable[..., Tensor]]] = []

    @wraps(plain)
    def chosen(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if not torch.is_grad_enabled() and not is_traced():
            for condition, fast in forms:
                if condition(*args, **kwargs):
                    return fast(*args, **kwargs)
        return plain(*args, **kwargs)

    FORMS[chosen] = forms
    return chosen


def fast_form(
    of: Callable[P, Tensor], *, when: Callable[..., bool] = lambda *_, **__: True
) -> Callable[[Callable[P, Tensor]], Callable[P, Tensor]]:
    """Make a function a fast form of the operation ``of``, taken ``when`` that is true of the arguments."""

    def register(fast: Callable[P, Tensor]) -> Callable[P, Tensor]:
        FORMS[of].append((when, fast))
        return fast

    return register


def is_traced() -> bool:
    """Whether torch.compile or torch.export is tracing."""
    return torch.compiler.is_compiling()


_without_grid_sample = False


@contextmanager
def without_grid_sample() -> Iterator[None]:
    """Within the block, sample by elementary operations: TensorRT computes grid_sample wrongly (TensorRT#4813)."""
    global _without_grid_sample
    before, _without_grid_sample = _without_grid_sample, True
    try:
        yield
    finally:
        _without_grid_sample = before


def avoids_grid_sample(device: torch.device) -> bool:
    """Whether grid_sample would be wrong: on Apple's GPUs (pytorch#174339), and within :func:`without_grid_sample`."""
    return _without_grid_sample or device.type == "mps"


def on_cuda(device: torch.device) -> bool:
    """Whether ``device`` is a CUDA GPU."""
    return device.type == "cuda"


def on_gpu(device: torch.device) -> bool:
    """Whether ``device`` is a GPU or another accelerator, which works in large pieces while the processor goes on."""
    return device.type != "cpu"


def widest_float(device: torch.device) -> torch.dtype:
    """The dtype for sums over many pixels: float64, or float32 on Apple's GPUs and those of Intel's that lack it."""
    lacking = device.type == "mps" or (device.type == "xpu" and not torch.xpu.get_device_properties(device).has_fp64)
    return torch.float32 if lacking else torch.float64


def on_cpu(x: Tensor, *_: object, **__: object) -> bool:
    """Whether ``x`` is on the CPU."""
    return x.device.type == "cpu"


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
"""Activation functions that overwrite their input; None where one is missing."""


@cache
def onednn_dtypes() -> tuple[torch.dtype, ...]:
    """The dtypes that oneDNN multiplies faster than PyTorch's linear layer does, on this processor.

    Empty where PyTorch comes without MKL: such builds are for other processors than x86.
    """
    libraries: tuple[Any, ...] = (torch.backends.mkldnn, torch.backends.mkl)
    if onednn_convolution is None or not all(library.is_available() for library in libraries):
        return ()
    bfloat16 = _has_fast_bfloat16 is not None and _has_fast_bfloat16()
    return (torch.float32, torch.bfloat16) if bfloat16 else (torch.float32,)


def products_are_faster(q: Tensor, *_: object, **__: object) -> bool:
    """Whether attention by products is faster: in bfloat16, where PyTorch's own is written for processors with AMX."""
    return q.dtype == torch.bfloat16 and on_cpu(q) and not has_matrix_unit()


@cache
def has_matrix_unit() -> bool:
    """Whether the processor has AMX. Yes where PyTorch does not tell, so that its own attention is taken."""
    return _has_amx is None or bool(_has_amx())


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
        if is_short_of_memory(error):  # says nothing of Triton
            raise
        warnings.warn(
            f"Triton does not work here ({str(error).strip()[:200]}): PyTorch's slower operations take its place.",
            stacklevel=2,
        )
        return False
    return True
