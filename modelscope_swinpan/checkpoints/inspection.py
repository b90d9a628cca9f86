"""What a checkpoint holds, by its keys and shapes."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..config import Mask2FormerConfig
from ..files import content_digest
from .dialects import Dialect
from .files.source import files_of
from .finite import not_finite
from .load import build, interpret, read_weights


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
        left_out: what else the file holds of models, one entry per group.
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
    config, ours, remarks = interpret(file, replace(weights, tensors=shapes), configuration)
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    model = build(config, ours, weights.where)
    dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in model.state_dict().values()})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Inspection(
        weights.dialect,
        config,
        parameters,
        tuple(dtypes),
        files=tuple(File(path, path.stat().st_size, content_digest(path)) for path in files_of(file)),
        place=weights.place,
        left_out=weights.left_out,
        not_finite=not_finite(file, weights),
    )
