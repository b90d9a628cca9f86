"""What a checkpoint holds, by its keys and shapes."""

import hashlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..config import Mask2FormerConfig
from .dialects import Dialect
from .files.source import files_of
from .finite import not_finite
from .load import build, interpret, read_weights

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
    """A checkpoint.

    Args:
        dialect: that of its keys.
        config: its model.
        parameters: their number.
        dtypes: the names of their number formats.
        files: the files of weights.
        place: containers and prefix of the weights in the file, joined by dots; empty for a plain file.
        left_out: what else the file holds of models, one entry a group.
        not_finite: keys of weights with NaN or infinite numbers, with which ``load_model`` refuses the checkpoint.
    """

    dialect: Dialect
    config: Mask2FormerConfig
    parameters: int
    dtypes: tuple[str, ...]
    files: tuple[File, ...]
    place: str = ""
    left_out: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()


def inspect_checkpoint(path: Path, network: str | None = None) -> Inspection:
    """Inspect a model directory or a checkpoint file. Nothing of it is kept in memory. Warns like ``load_model``.

    ``network`` is as there.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe, or belong to another model.
        ConfigError: an unusable ``configuration.json``.
    """
    file, weights, configuration = read_weights(path, network)
    shapes = {key: torch.empty_like(tensor, device="meta") for key, tensor in weights.tensors.items()}
    checkpoint = interpret(file, replace(weights, tensors=shapes), configuration)
    for remark in checkpoint.remarks:
        warnings.warn(remark, stacklevel=2)
    model = build(checkpoint.config, checkpoint.tensors, weights.where)
    dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in model.state_dict().values()})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Inspection(
        checkpoint.dialect,
        checkpoint.config,
        parameters,
        tuple(dtypes),
        files=tuple(map(_file, files_of(file))),
        place=weights.place,
        left_out=weights.left_out,
        not_finite=not_finite(file, weights),
    )


def _file(path: Path) -> File:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return File(path, path.stat().st_size, digest.hexdigest())
