"""Memory-mapped files, and tensors over their bytes."""

import contextlib
import mmap
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import CheckpointError
from ...files import leads_to_file
from .unpickler import ForbiddenError

MAX_DIMENSIONS = 64


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn any error while a checkpoint is read into a CheckpointError that says what to do."""
    if not leads_to_file(path):
        raise CheckpointError(f"No checkpoint at {path}: {'a directory' if path.is_dir() else 'no such file'}.")
    if not path.stat().st_size:
        raise CheckpointError(f"Checkpoint {path} is empty.")
    try:
        yield
    except CheckpointError:
        raise
    except ForbiddenError as error:
        raise CheckpointError(
            f"Checkpoint {path} wants to run code or build unknown objects; nothing was executed. ({error})"
        ) from None
    except Exception as error:  # a damaged file can make any step fail, in any way
        reason = str(error).strip().split("\n")[0][:200].rstrip(".") or "no reason given"
        raise CheckpointError(
            f"Cannot read checkpoint {path}: {type(error).__name__}: {reason}. Is it truncated? Fetch it again."
        ) from None


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of a file. Tensors over them may outlive the context. Writing to one never changes the file."""
    with path.open("rb") as file:
        yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def tensor(raw: bytes | memoryview, dtype: torch.dtype) -> Tensor:
    """A tensor (N,) over bytes. Those of a mapped file are copied only if their address does not suit the dtype."""
    if not len(raw):
        return torch.empty(0, dtype=dtype)
    if isinstance(raw, memoryview):
        flat = torch.frombuffer(raw, dtype=dtype)
        if flat.data_ptr() % dtype.itemsize == 0:
            return flat
    return torch.frombuffer(bytearray(raw), dtype=dtype)


def view(flat: Tensor, offset: int, shape: Sequence[int], stride: Sequence[int]) -> Tensor:
    """A view of ``flat`` (N,), or a ValueError if it would be larger. Offset, shape and stride count elements."""
    numel = prod(sizes(shape))
    reach = sizes([offset])[0] + 1 + sum((n - 1) * step for n, step in zip(shape, sizes(stride), strict=True))
    if numel and max(numel, reach) > flat.numel():
        raise ValueError(f"a tensor claims {tuple(shape)} but stores fewer numbers")
    return flat.as_strided(shape, stride, offset) if numel else flat.new_empty(tuple(shape))


def sizes(values: Any) -> Sequence[int]:
    """Return ``values`` if they can be the shape or the strides of a tensor, or raise a ValueError."""
    if len(values) > MAX_DIMENSIONS or not all(type(value) is int and 0 <= value < 2**62 for value in values):
        raise ValueError("a tensor of impossible shape")
    numbers: Sequence[int] = values
    return numbers
