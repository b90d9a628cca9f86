"""What a checkpoint holds, by its keys and shapes alone."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import Mask2FormerConfig
from .dialects import Dialect
from .files.source import Source, read_json, read_source
from .load import build, interpret, locate

PIECE = 2**20
"""Bytes that are hashed at a time."""


@dataclass(frozen=True)
class File:
    """A file of weights. ``size`` in bytes, ``sha256`` in hexadecimal."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Inspection:
    """A checkpoint: its dialect, its model, the number of parameters, the names of their dtypes, and its files."""

    dialect: Dialect
    config: Mask2FormerConfig
    parameters: int
    dtypes: tuple[str, ...]
    files: tuple[File, ...]


def inspect_checkpoint(path: Path) -> Inspection:
    """Inspect a model directory or a checkpoint file. The files are read only to hash them. Warns like ``load_model``.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe, or belong to another model.
        ConfigError: an unusable ``configuration.json``.
    """
    weights, configuration = locate(path)
    source = read_source(weights)
    shapes = {key: torch.empty_like(tensor, device="meta") for key, tensor in source.tensors.items()}
    checkpoint = interpret(weights, Source(shapes, source.meta), configuration)
    for remark in checkpoint.remarks:
        warnings.warn(remark, stacklevel=2)
    model = build(checkpoint.config, checkpoint.tensors, str(weights))
    dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in model.state_dict().values()})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    files = tuple(map(_file, _shards(weights)))
    return Inspection(checkpoint.dialect, checkpoint.config, parameters, tuple(dtypes), files)


def _shards(weights: Path) -> list[Path]:
    if weights.suffix != ".json":
        return [weights]
    return [weights.parent / name for name in sorted(set(read_json(weights)["weight_map"].values()))]


def _file(path: Path) -> File:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return File(path, path.stat().st_size, digest.hexdigest())
