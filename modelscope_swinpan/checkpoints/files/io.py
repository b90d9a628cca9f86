"""Read PyTorch's checkpoints from untrusted sources: nothing is executed, nothing larger than the file is built.

``torch.load`` is not used here: attackers have broken its restricted mode more than once, and its safety depends on the
installed version.
"""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import PROTO
from typing import Any

import torch
from torch import Tensor

from ...errors import CheckpointError
from .mapped import mapped, readable, tensor, view
from .pickles import KNOWN, skips
from .unpickler import ForbiddenError, Maker, Skipped, Unpickler, checked_key

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
MAX_DIRECTORY_BYTES = 16 * 2**20
"""Limit for the table of contents of an archive; a real one has about 100 kB."""

STORAGES = {
    "BoolStorage": torch.bool,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "ShortStorage": torch.int16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
}


def read_torch(path: Path) -> Any:
    """The object in a ``torch.save`` file or a plain pickle (detectron2's ``.pkl``), with its tensors memory-mapped.

    The file may hold tensors, plain containers, numpy's arrays (returned as tensors) and scalars (as numbers). Other
    data, such as a training run's settings and paths, is returned as :class:`~.unpickler.Skipped`. Only tensors whose
    address does not suit their dtype are copied.

    Raises:
        CheckpointError: the file is missing, empty, truncated or no checkpoint, claims more content than it has, or
            holds anything that would have to be executed.
    """
    with readable(path), mapped(path) as data:
        if data[:4] == ZIP_MAGIC:
            content = _read_archive(path, data)
        elif path.suffix == ".pkl":
            content = Unpickler(data, KNOWN, skips=skips).load()
        else:
            content = _read_legacy(path, data)
        if isinstance(content, Skipped):
            raise ForbiddenError(f"{content.name}: save a model's state_dict() instead of the model")
        return content


def check_tensors(tensors: Mapping[Any, Any], where: str) -> dict[str, Tensor]:
    """``tensors`` as a plain state dict: dense tensors in memory by name, none larger than its storage.

    Raises:
        CheckpointError: it holds anything else, such as one stored number that claims to be a tensor of terabytes.
    """
    for key, value in tensors.items():
        if not isinstance(key, str):
            raise CheckpointError(f"{where}: the state dict has a key of type {type(key).__name__}; expected names.")
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
            raise CheckpointError(f"{where}: {key!r} is not a dense tensor.")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CheckpointError(f"{where}: {key!r} claims {tuple(value.shape)} but stores fewer numbers.")
    return {key: value.detach() for key, value in tensors.items()}


def _read_archive(path: Path, data: memoryview) -> Any:
    """Read an archive of one pickle and one member per storage, which PyTorch writes since 1.6."""
    members = _members(path, data)
    if "data.pkl" not in members or "constants.pkl" in members:
        raise CheckpointError(f"{path} is an archive, but not of a checkpoint. Expected a file written by torch.save.")
    if bytes(members.get("byteorder", b"little")) != b"little":
        raise CheckpointError(f"Checkpoint {path} was written on a machine of another byte order. Convert it there.")
    storages: dict[tuple[str, torch.dtype], Tensor] = {}

    def stored(reference: Any) -> Tensor:
        dtype, name, numel = _parse(reference)
        if (name, dtype) not in storages:
            storages[name, dtype] = tensor(members[f"data/{name}"], dtype)
        if numel > len(storages[name, dtype]):
            raise ValueError(f"storage {name} claims {numel} numbers but holds fewer")
        return storages[name, dtype]

    return Unpickler(members["data.pkl"], TORCH_KNOWN, stored, skips=skips).load()


def _read_legacy(path: Path, data: memoryview) -> Any:
    """Read five pickles, the fourth with the content, then each storage after its length: the format before 1.6."""
    unpickler = Unpickler(data, TORCH_KNOWN)
    if data[0] != PROTO[0] or unpickler.load() != LEGACY_MAGIC or unpickler.load() != LEGACY_PROTOCOL:
        raise CheckpointError(f"{path} is not a PyTorch checkpoint. Expected a file written by torch.save.")
    unpickler.load()  # the sizes of the C compiler's types
    start = unpickler.position
    claimed: dict[str, tuple[torch.dtype, int]] = {}

    def claim(reference: Any) -> Tensor:
        dtype, name, numel = _parse(reference)
        claimed[name] = dtype, numel
        return torch.empty(numel, dtype=dtype, device="meta")

    first = Unpickler(data, TORCH_KNOWN, claim, start, skips=skips)
    first.load()
    storages = {}
    names = first.load()
    position = first.position
    for name in map(checked_key, names):
        dtype, numel = claimed[name]
        end = position + 8 + numel * dtype.itemsize
        if end > len(data) or struct.unpack("<q", data[position : position + 8]) != (numel,):
            raise EOFError("a storage is cut short")
        storages[name] = tensor(data[position + 8 : end], dtype)
        position = end
    # The content had to be read once to find the storages.
    return Unpickler(data, TORCH_KNOWN, lambda reference: storages[_parse(reference)[1]], start, skips=skips).load()


def _parse(reference: Any) -> tuple[torch.dtype, str, int]:
    """Dtype, name and length of a storage."""
    kind, dtype, name, _, numel, *rest = reference
    well_formed = type(dtype) is torch.dtype and type(name) is str and type(numel) is int and 0 <= numel < 2**56
    if kind != "storage" or not well_formed or any(item is not None for item in rest):
        raise ValueError("outside data that is no storage")
    return dtype, name, numel


def _members(path: Path, data: memoryview) -> dict[str, memoryview]:
    """The bytes of an archive's members, in place, by name without the folder. None is compressed or cut short."""
    try:
        with _Directory(path) as file, zipfile.ZipFile(file) as archive:
            listed = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise CheckpointError(f"Checkpoint {path} is truncated or damaged ({error}). Fetch it again.") from None
    if any(member.compress_type != zipfile.ZIP_STORED for member in listed):
        raise CheckpointError(
            f"Checkpoint {path} is compressed inside, which PyTorch never does. Save its weights with torch.save."
        )
    if sum(member.file_size for member in listed) > len(data):
        raise CheckpointError(
            f"Checkpoint {path} claims to unpack to more than its own size, which no file of PyTorch does."
            " Use another copy."
        )
    members = {}
    for member in listed:
        local = member.header_offset
        lengths = struct.unpack("<HH", data[local + 26 : local + 30])  # of the name and an extra field
        start = local + 30 + sum(lengths)
        if data[local : local + 4] != ZIP_MAGIC or start + member.file_size > len(data):
            raise CheckpointError(f"Checkpoint {path} is truncated or damaged at {member.filename!r}. Fetch it again.")
        members[member.filename.partition("/")[2]] = data[start : start + member.file_size]
    return members


class _Directory(io.FileIO):
    """A file that refuses large reads: the table of contents of a real archive needs none."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its table of contents is too long")
        return super().read(-1 if size is None else size)


def _rebuild_tensor(flat: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Tensor:
    if not isinstance(flat, Tensor) or flat.dim() != 1:
        raise ValueError("a tensor without a storage")
    return view(flat, offset, shape, stride)


TORCH_KNOWN: dict[str, Any] = {
    **KNOWN,
    **{f"torch.{name}": dtype for name, dtype in STORAGES.items()},
    **{str(dtype): dtype for dtype in STORAGES.values()},
    "torch.Size": Maker(lambda sizes=(): tuple(sizes)),
    "torch.device": Maker(lambda *_: "a device"),
    "torch._utils._rebuild_tensor": Maker(_rebuild_tensor),
    "torch._utils._rebuild_tensor_v2": Maker(_rebuild_tensor),
    "torch._utils._rebuild_parameter": Maker(lambda data, *_: data),
    "torch._utils._rebuild_parameter_with_state": Maker(lambda data, *_: data),
}
