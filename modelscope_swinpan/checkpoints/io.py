"""Reading checkpoints from untrusted places: nothing in them is executed, nothing larger than the file is built."""

import contextlib
import pickle
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError

ZIP_MAGIC = b"PK\x03\x04"
MAX_PICKLE_BYTES = 64 * 2**20
"""The index of a checkpoint, without its tensors; a real one has some 100 kB."""

_lock = threading.Lock()


def read_torch(path: Path) -> Any:
    """The object in a ``torch.save`` file, by PyTorch's restricted unpickler, tensors memory-mapped where they can be.

    Besides tensors and plain containers only numpy scalars are built, which training frameworks leave in ``meta``.

    Raises:
        CheckpointError: the file is missing, empty, truncated, no checkpoint, larger inside than outside, or holds
            anything that would have to be executed.

    """
    if not path.is_file():
        raise CheckpointError(f"No checkpoint at {path}: {'a directory' if path.is_dir() else 'no such file'}.")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if not magic:
            raise CheckpointError(f"Checkpoint {path} is empty.")
        zipped = magic == ZIP_MAGIC
        if zipped:
            _check_archive(path)
        with _numpy_scalars_allowed():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(_describe_unpickling(path, error)) from None
    except (MemoryError, RecursionError, Exception) as error:
        reason = str(error).strip().split("\n")[0] or "no reason given"
        raise CheckpointError(
            f"Cannot read checkpoint {path}: {type(error).__name__}: {reason} Is it truncated? Fetch it again."
        ) from None


def check_tensors(tensors: Mapping[Any, Any], where: str) -> dict[str, Tensor]:
    """``tensors`` as a plain state dict: names to dense tensors in memory, none larger than its storage.

    Raises:
        CheckpointError: anything else, such as one stored number that poses as a tensor of terabytes.

    """
    for key, tensor in tensors.items():
        if not isinstance(key, str):
            raise CheckpointError(f"{where}: the state dict has a key of type {type(key).__name__}; expected names.")
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise CheckpointError(f"{where}: {key!r} is not a dense tensor.")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(f"{where}: {key!r} claims {tuple(tensor.shape)} but stores fewer numbers.")
    return {key: tensor.detach() for key, tensor in tensors.items()}


def _check_archive(path: Path) -> None:
    """Refuse archives that are cut short, or that unpack to more than they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        size = path.stat().st_size
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise CheckpointError(f"Checkpoint {path} is truncated or damaged ({error}). Fetch it again.") from None
    if any(member.compress_type != zipfile.ZIP_STORED or member.file_size > size for member in members):
        raise CheckpointError(f"Checkpoint {path} is compressed inside, which PyTorch never does. Not reading it.")
    if sum(member.file_size for member in members) > size:
        raise CheckpointError(f"Checkpoint {path} unpacks to more than its own size. Not reading it.")
    if any(member.filename.endswith(".pkl") and member.file_size > MAX_PICKLE_BYTES for member in members):
        raise CheckpointError(
            f"Checkpoint {path} has an index of more than {MAX_PICKLE_BYTES >> 20} MiB. Not reading it."
        )


def _describe_unpickling(path: Path, error: Exception) -> str:
    text = str(error)
    if "GLOBAL" in text or "Unsupported" in text or "not an allowed" in text:
        found = text.split("WeightsUnpickler error:")[-1].strip().split("\n")[0]
        return f"Checkpoint {path} wants to run code or build unknown objects; nothing was executed. ({found})"
    return f"{path} is not a PyTorch checkpoint, or a damaged one. Expected a file written by torch.save."


@contextlib.contextmanager
def _numpy_scalars_allowed() -> Iterator[None]:
    """Widen PyTorch's allow-list for one read; it belongs to the whole process, hence the lock."""
    scalar = np.float64(0).__reduce__()[0]
    dtypes = [type(np.dtype(code)) for code in "?bBhHiIlLqQefd"]
    names = ["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"]
    with _lock, torch.serialization.safe_globals([*((scalar, name) for name in names), np.dtype, *dtypes]):
        yield
