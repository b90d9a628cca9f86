"""CUDA GPUs that are not there: tensors that say 'cuda' and hold their numbers on the CPU.

They raise where an operation mixes devices, and tell what would have the processor wait for a GPU.
"""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

GPU, OTHER_GPU = torch.device("cuda", 0), torch.device("cuda", 1)
WAITING = ("_local_scalar_dense", "nonzero", "_unique2", "bincount", "masked_select")
SLOW = ("upsample_linear1d",)
"""What PyTorch computes with few threads on CUDA: a thread for each column, in turn for all rows of all channels."""

NONE_REAL = pytest.mark.skipif(
    torch.cuda.is_available() or not hasattr(torch._C, "_ensureCUDADeviceGuardSet"),
    reason="what is cached for the stand-in would be taken for a real GPU's, or this PyTorch needs a driver",
)
"""The mark of tests with a stand-in."""


class Far(Tensor):
    """A tensor on a GPU; ``near`` has its numbers."""

    @staticmethod
    def __new__(cls, near, device=GPU):
        layout = {"strides": near.stride(), "storage_offset": near.storage_offset()}
        far = Tensor._make_wrapper_subclass(cls, near.shape, dtype=near.dtype, device=device, **layout)
        far.near = near
        return far

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        raise AssertionError(f"{operation} outside of the stand-in")

    def __reduce_ex__(self, protocol):
        return self.near.__reduce_ex__(protocol)  # as torch.load reads it with map_location='cpu'

    def numpy(self, **_):
        raise AssertionError("numpy() of a tensor on a GPU")


class StandIn(TorchDispatchMode):
    """Computes on the CPU what a GPU would. ``waits`` are the operations that wait for it, in order.

    ``tape`` has what a graph that is being captured will replay: operations, their arguments and results.
    """

    def __init__(self):
        super().__init__()
        self.waits = []
        self.tape = None

    def wait(self, name):
        assert self.tape is None, f"{name} waits within a graph"
        self.waits.append(name)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if torch.is_inference_mode_enabled() and operation._can_decompose():  # otherwise autograd has done it
            with self:
                return operation.decompose(*args, **(kwargs or {}))
        kwargs, name = dict(kwargs or {}), operation._schema.name.removeprefix("aten::")
        given = _tensors((args, kwargs))
        places = {x.device for x in given if isinstance(x, Far) or x.dim()}
        was_far = next((x.device for x in given if isinstance(x, Far)), None)
        is_far = was_far if kwargs.get("device") is None else _gpu(kwargs["device"])
        if name in ("_to_copy", "copy_"):
            if len(places | {is_far or "cpu"}) > 1 and not (kwargs.get("non_blocking") or args[2:] == (True,)):
                self.wait("copy")
        elif was_far:
            assert len(places) == 1, f"{name} mixes devices"
            assert name not in SLOW, f"{name} is slow on a GPU"
            if name in WAITING:
                self.wait(name)
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        same = {id(_near(x)): x for x in given}  # of operations in place
        args, kwargs = tree_map(_near, (args, kwargs))
        if name == "_softmax" and args[2]:  # from float16 to float32, on GPUs alone
            operation = _softmax_of_float16
        result = operation(*args, **kwargs)
        if self.tape is not None and is_far:
            assert was_far or not given, f"{name} takes a tensor of the CPU into the graph"
            self.tape.append((operation, args, kwargs, result))
        # A view of a tensor that was made outside of inference mode is none of inference mode.
        with torch.inference_mode(torch.is_inference_mode_enabled() and all(x.is_inference() for x in given)):
            return tree_map(
                lambda x: same.get(id(x), Far(x, is_far) if is_far else x) if isinstance(x, Tensor) else x, result
            )


def _softmax_of_float16(x, dim, _):
    return x.softmax(dim, dtype=torch.float32)


def _near(x):
    return x.near if isinstance(x, Far) else x


def _gpu(device):
    """The GPU that a device names, 0 where it names none; None for the CPU."""
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else None


@contextmanager
def stand_in():
    """Within the block, there are such GPUs, for inference without gradients."""
    torch._C._ensureCUDADeviceGuardSet()  # where there is no driver
    mode, tensor, empty = StandIn(), torch.tensor, torch.empty

    def new_tensor(*given, device=None, **options):
        if device is None or device.type == "cpu":
            return tensor(*given, device=device, **options)
        mode.wait("copy")
        return Far(tensor(*given, device="cpu", **options), _gpu(device))

    def tolist(self):
        mode.wait("copy")
        return self.near.tolist()

    with (
        mock.patch("torch.cuda._lazy_init"),
        mock.patch("torch.tensor", new_tensor),
        mock.patch("torch.empty", lambda *given, pin_memory=False, **options: empty(*given, **options)),
        mock.patch.object(Far, "tolist", tolist, create=True),
        mock.patch.object(
            Far, "new_tensor", lambda self, data: new_tensor(data, dtype=self.dtype, device=self.device), create=True
        ),
        mock.patch("torch.__future__.get_overwrite_module_params_on_conversion", return_value=True),
        mock.patch("modelscope_swinpan.kernels.dispatch.triton_works", return_value=False),
        torch.no_grad(),
        mode,
    ):
        yield mode


class Generator(torch.Generator):
    """A generator on a GPU that draws on the CPU."""

    def __new__(cls, device="cpu"):
        return super().__new__(cls)

    def __init__(self, device="cpu"):
        self._place = torch.device(device)

    @property
    def device(self):
        return self._place


@contextmanager
def training(gradient):
    """With a stand-in, within the block losses are recorded, and ``gradient`` (weight) takes the place of their own."""

    def backward(loss):
        assert loss.requires_grad
        for weight in weights:
            weight.grad = gradient(weight.detach())

    weights = []
    with (
        mock.patch("torch.Generator", Generator),
        mock.patch("torch.cuda.is_bf16_supported", return_value=True),
        mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False),
        mock.patch.object(Tensor, "backward", backward),
        torch.enable_grad(),
    ):
        yield weights


class Graph:
    """In place of ``torch.cuda.CUDAGraph``: replays a tape. Between replays, what the tape made holds no numbers."""

    def __init__(self):
        self.tape, self._made = [], []

    def pool(self):
        return "pool"

    @contextmanager
    def capture(self, mode):
        mode.tape = self.tape
        try:
            yield
        finally:
            mode.tape = None
        outside, made = set(), {}
        for _, args, kwargs, result in self.tape:
            outside |= {_storage(x) for x in _tensors((args, kwargs))} - made.keys()
            made = {_storage(x): x for x in _tensors(result) if _storage(x) not in outside} | made
        self._made = [x for x in made.values() if x.is_floating_point()]
        self._forget()

    def _forget(self):
        for x in self._made:
            x.fill_(torch.nan)

    def replay(self):
        self._forget()
        for operation, args, kwargs, result in self.tape:
            again = operation(*args, **kwargs)
            for old, new in zip(_tensors(result), _tensors(again), strict=True):
                if _storage(old) != _storage(new):
                    old.copy_(new)


@contextmanager
def graphs(mode):
    """With a stand-in, within the block CUDA graphs can be captured on it."""
    stream = SimpleNamespace(wait_event=lambda _: None, wait_stream=lambda _: None, record=lambda: None)
    with (
        mock.patch("torch.cuda.CUDAGraph", Graph),
        mock.patch("torch.cuda.graph", lambda graph, **_: graph.capture(mode)),
        mock.patch("torch.cuda.Stream", return_value=stream),
        mock.patch("torch.cuda.Event", return_value=stream),
        mock.patch("torch.cuda.current_stream", return_value=stream),
        mock.patch("torch.cuda.stream", return_value=nullcontext()),
        mock.patch("torch.cuda.device", return_value=nullcontext()),
    ):
        yield


def _tensors(tree):
    return [x for x in tree_leaves(tree) if isinstance(x, Tensor)]


def _storage(x):
    return x.untyped_storage().data_ptr()
