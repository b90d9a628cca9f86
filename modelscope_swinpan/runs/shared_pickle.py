"""Pickles whose tensors lie in one file that all readers map, so that a machine holds them once.

They are for processes that a process starts itself: reading one runs what it says, as reading any pickle does.
"""

import mmap
import pickle
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor, nn

ALIGNMENT = 64
"""Bytes: tensors begin at a multiple of it, as in memory that PyTorch allocates."""


class Place(NamedTuple):
    """Where a tensor's numbers are in the file, from a byte on, and how they are laid out."""

    start: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    parameter: bool


def dump(value: object, path: Path) -> None:
    """Write ``value`` to ``path``, and its tensors to a file beside it. Those must be on the CPU."""
    with tensor_file(path).open("wb") as tensors, path.open("wb") as file:
        _Pickler(file, tensors).dump(value)


def load(path: Path) -> Any:
    """What :func:`dump` wrote. Writing to a tensor changes neither the file nor what other readers see."""
    with path.open("rb") as file, tensor_file(path).open("rb") as tensors:
        return _Unpickler(file, tensors).load()


def tensor_file(path: Path) -> Path:
    """Where the tensors of the pickle at ``path`` are."""
    return path.with_suffix(".tensors")


class _Pickler(pickle.Pickler):
    def __init__(self, file: BinaryIO, tensors: BinaryIO) -> None:
        super().__init__(file)
        self._tensors = tensors
        self._places: dict[int, Place] = {}

    def persistent_id(self, value: Any) -> Place | None:
        """Write a tensor to the other file, once, and leave its place here."""
        if type(value) not in (Tensor, nn.Parameter) or not value.numel():
            return None
        if id(value) not in self._places:
            self._places[id(value)] = self._write(value)
        return self._places[id(value)]

    def _write(self, tensor: Tensor) -> Place:
        numbers = tensor.detach()
        reach = 1 + sum((size - 1) * step for size, step in zip(numbers.shape, numbers.stride(), strict=True))
        if reach != numbers.numel():  # a view with gaps, or with numbers that stand for several
            numbers = numbers.contiguous()
        start = -(-self._tensors.tell() // ALIGNMENT) * ALIGNMENT
        self._tensors.seek(start)
        flat = numbers.as_strided((numbers.numel(),), (1,))
        self._tensors.write(flat.view(torch.uint8).numpy().data)
        return Place(start, numbers.dtype, tuple(numbers.shape), numbers.stride(), isinstance(tensor, nn.Parameter))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, tensors: BinaryIO) -> None:
        super().__init__(file)
        self._mapping = mmap.mmap(tensors.fileno(), 0, access=mmap.ACCESS_COPY) if tensors.seek(0, 2) else b""
        self._found: dict[Place, Tensor] = {}

    def persistent_load(self, place: Place) -> Tensor:
        """The tensor at a place."""
        if place not in self._found:
            start, dtype, shape, stride, parameter = place
            count = torch.Size(shape).numel()
            tensor = torch.frombuffer(self._mapping, dtype=dtype, count=count, offset=start).as_strided(shape, stride)
            self._found[place] = nn.Parameter(tensor, requires_grad=False) if parameter else tensor
        return self._found[place]
