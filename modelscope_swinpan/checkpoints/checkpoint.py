"""A checkpoint of any dialect: weights under our keys, and what its files say beside them."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from .architecture import find_backbone
from .dialects import Dialect, Notes, detect
from .files.source import Source, read_source


@dataclass(frozen=True)
class Checkpoint:
    """Weights under our keys, read from ``path``, and the notes on them."""

    path: Path
    dialect: Dialect
    tensors: dict[str, Tensor]
    notes: Notes = field(default_factory=Notes)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file, or the index of a checkpoint in several files. The dialect's files beside it count too.

    Raises:
        CheckpointError: it cannot be read, is unsafe, or belongs to no known dialect.
        ConfigError: one of the JSON files beside it is damaged.
    """
    return interpret(path, read_source(path))


def interpret(path: Path, source: Source) -> Checkpoint:
    """The checkpoint with the content ``source``, read from ``path``. Raises like :func:`read_checkpoint`."""
    dialect = detect(source.tensors, str(path))
    tensors, _ = dialect.keymap.read(source.tensors)
    notes = dialect.notes(path, source.meta, find_backbone(tensors, str(path)))
    return Checkpoint(path, dialect, tensors, notes)
