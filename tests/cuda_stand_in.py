"""A CUDA GPU that is not there: tensors that say 'cuda' and hold their numbers on the CPU.

It raises where an operation mixes devices, and tells what would have the processor wait for the GPU.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
WAITING = ("_local_scalar_dense", "nonzero", "_unique2", "bincount", "masked_select")
SLOW = ("upsample_linear1d",)
"""What PyTorch computes with few threads on CUDA: a thread for each column, in turn for all rows of all channels."""


class Far(Tensor):
    """A tensor on the GPU; ``near`` has its numbers."""

    @staticmethod
    def __new__(cls, near):
        layout = {"strides": near.stride(), "storage_offset": near.storage_offset()}
        far = Tensor._make_wrapper_subclass(cls, near.shape, dtype=near.dtype, device=GPU, **layout)
        far.near = near
        return far

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        raise AssertionError(f"{operation} outside of the stand-in")

    def numpy(self, **_):
        raise AssertionError("numpy() of a tensor on a GPU")


class StandIn(TorchDispatchMode):
    """Computes on the CPU what the GPU would. ``waits`` are the operations that wait for it, in order."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), operation._schema.name.removeprefix("aten::")
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        was_far = any(isinstance(x, Far) for x in given)
        is_far = was_far if kwargs.get("device") is None else kwargs["device"].type == "cuda"
        if name == "_to_copy":
            if is_far != was_far and not kwargs.get("non_blocking"):
                self.waits.append("copy")
        elif was_far:
            assert all(isinstance(x, Far) for x in given if x.dim()), f"{name} mixes devices"
            assert name not in SLOW, f"{name} is slow on a GPU"
            if name in WAITING:
                self.waits.append(name)
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        same = {id(_near(x)): x for x in given}  # of operations in place
        result = operation(*tree_map(_near, args), **tree_map(_near, kwargs))
        return tree_map(lambda x: same.get(id(x), Far(x) if is_far else x) if isinstance(x, Tensor) else x, result)


def _near(x):
    return x.near if isinstance(x, Far) else x


@contextmanager
def stand_in():
    """Within the block, there is such a GPU, for inference without gradients."""
    torch._C._ensureCUDADeviceGuardSet()  # where there is no driver
    mode, tensor = StandIn(), torch.tensor

    def new_tensor(*given, device=None, **options):
        if device is None or device.type == "cpu":
            return tensor(*given, **options)
        mode.waits.append("copy")
        return Far(tensor(*given, **options))

    def tolist(self):
        mode.waits.append("copy")
        return self.near.tolist()

    with (
        mock.patch("torch.cuda._lazy_init"),
        mock.patch("torch.tensor", new_tensor),
        mock.patch.object(Far, "tolist", tolist, create=True),
        mock.patch.object(Far, "new_tensor", lambda self, data: new_tensor(data, device=GPU), create=True),
        torch.no_grad(),
        mode,
    ):
        yield mode
