"""Files of a Python object, tensors included, that all readers map into memory, so that a machine holds them once.

They are for processes that a process starts itself: reading one runs what it says, as reading any pickle does.
"""

from pathlib import Path
from typing import Any

import torch


def dump(value: object, path: Path) -> None:
    """Write ``value`` to ``path``. Its tensors must be on the CPU. An OSError says that it cannot be written."""
    try:
        torch.save(value, path)
    except RuntimeError as error:  # PyTorch's own words for a full disk
        raise OSError(f"Cannot write {path}: {str(error).splitlines()[0]}") from None


def load(path: Path) -> Any:
    """What :func:`dump` wrote. Writing to a tensor changes neither the file nor what other readers see."""
    return torch.load(path, mmap=True, weights_only=False)
