"""A checkpoint of any dialect, read: weights under our keys, and everything that came with them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from .classes import Classes, from_meta
from .dialects.native import from_header
from .dialects.registry import NATIVE, Dialect, detect
from .dialects.transformers import TRANSFORMERS
from .dialects.transformers_config import read_config, read_preprocessor
from .files.source import Source, read_source


@dataclass(frozen=True)
class Checkpoint:
    """Weights under our keys, from ``path``, which is in ``dialect``, and what the file and its neighbours tell.

    ``classes`` is what they tell of the classes, ``described`` what they tell in the words of ``configuration.json``.
    """

    path: Path
    dialect: Dialect
    tensors: dict[str, Tensor]
    classes: Classes = field(default_factory=Classes)
    described: Mapping[str, Any] = field(default_factory=dict)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file, or the index of one in several files. Of a transformers model its two JSON files count.

    Raises:
        CheckpointError: it cannot be read, is unsafe, or of no known dialect.
        ConfigError: one of the JSON files beside it is damaged.
    """
    return interpret(path, read_source(path))


def interpret(path: Path, source: Source) -> Checkpoint:
    """What :func:`read_checkpoint` makes of the content of ``path``."""
    dialect = detect(source.tensors, str(path))
    tensors, _ = dialect.keymap.read(source.tensors)
    if dialect is NATIVE:
        return Checkpoint(path, dialect, tensors, described=from_header(source.meta, str(path)))
    if dialect.keymap is not TRANSFORMERS:
        return Checkpoint(path, dialect, tensors, from_meta(source.meta))
    told = read_config(path.parent)
    described: dict[str, Any] = {"preprocessor": dataclasses.asdict(read_preprocessor(path.parent))}
    if told is None:
        return Checkpoint(path, dialect, tensors, described=described)
    described["model"] = {"architecture": {"num_heads": told.num_heads}}
    return Checkpoint(path, dialect, tensors, Classes(told.names), described)
