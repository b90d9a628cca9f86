"""Weights that hold NaN or infinite numbers: the answers of a model with one of them mean nothing."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import CheckpointError
from .dialects.keymap import shorten
from .files.source import files_of
from .unwrap import Weights

MAX_KNOWN = 64

_known: dict[tuple[object, ...], tuple[str, ...]] = {}
"""What was found in files of this process, by their identity and the place of the weights in them."""


def check_finite(file: Path, weights: Weights) -> None:
    """Raise a CheckpointError that names the tensors of ``file`` that are not finite, if there are any."""
    damaged = not_finite(file, weights)
    if damaged:
        raise CheckpointError(
            f"{weights.where}: {len(damaged)} of {len(weights.tensors)} weights hold NaN or infinite numbers "
            f"({shorten(damaged)}). Such a model finds nothing. Take an earlier checkpoint of the training run."
        )


def not_finite(file: Path, weights: Weights) -> tuple[str, ...]:
    """The keys of the tensors of ``file`` that are not finite. A file that was read before is not read again."""
    stats = [(path, path.stat()) for path in files_of(file)]
    identity = (weights.place, *((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats))
    if identity not in _known:
        while len(_known) >= MAX_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[identity] = tuple(find_not_finite(weights.tensors))
    return _known[identity]


def find_not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names of tensors with NaN or infinite numbers."""
    return [name for name, tensor in tensors.items() if tensor.is_floating_point() and not _is_finite(tensor)]


def _is_finite(tensor: Tensor) -> bool:
    # A sum reads the numbers once and needs no memory. It is not finite if one of them is not, or if it overflows.
    total = tensor.detach().sum(dtype=torch.float64 if tensor.dtype is torch.float64 else torch.float32)
    return bool(total.isfinite()) or bool(tensor.isfinite().all())
