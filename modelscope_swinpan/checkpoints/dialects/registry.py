"""The dialects of checkpoints.

PyTorch is not imported here, so that a command's ``--help`` can name the dialects at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Mask2FormerConfig
from ...errors import CheckpointError, ConfigError
from ...models.keys import Rule
from ...registry import Registry
from ..classes import Classes, from_meta
from .keymap import KeyMap, shorten

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.backbones import Backbone


@dataclass(frozen=True)
class Notes:
    """What a checkpoint's files say about a model beside its weights.

    Args:
        classes: names, things and task.
        configuration: entries of ``configuration.json``, which the real ``configuration.json`` overrules.
        remarks: sentences that the user should be warned with.
    """

    classes: Classes = field(default_factory=Classes)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Writer:
    """How a dialect is written.

    Args:
        purpose: what the dialect is good for, as part of the help of ``swinpan convert``.
        weights: name of the file of weights in a model directory.
        write: writes that file from tensors under the dialect's keys. May raise OSError.
        files: makes the dialect's JSON files, by name. May raise CheckpointError for a model it cannot hold.
    """

    purpose: str
    weights: str
    write: "Callable[[Path, Mapping[str, Tensor], Mask2FormerConfig], None]"
    files: Callable[[Mask2FormerConfig], Mapping[str, Mapping[str, Any]]] = lambda config: {}


def _notes(path: Path, meta: Mapping[str, Any], backbone: "Backbone") -> Notes:
    return Notes(from_meta(meta))


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A way to name the weights of a Mask2Former.

    Args:
        name: short name, such as 'mmdet'.
        title: name for people.
        rules: the key table. Each backbone adds its own (``Backbone.keys``).
        aliases: other names for the same weights, which are read only.
        notes: reads what the files say beside the weights, given the path of the weights, the ``meta`` found in the
            file and the backbone. May raise CheckpointError or ConfigError.
        writer: None for a dialect that is only read.
    """

    name: str
    title: str
    rules: tuple[Rule, ...]
    aliases: tuple[Rule, ...] = ()
    notes: "Callable[[Path, Mapping[str, Any], Backbone], Notes]" = _notes
    writer: Writer | None = None

    @property
    def keymap(self) -> KeyMap:
        """The whole key table, for all registered backbones."""
        from ...models.backbones import BACKBONES  # imports PyTorch

        backbones = [backbone.keys[self.name] for backbone in BACKBONES.values() if self.name in backbone.keys]
        return KeyMap(
            [*self.rules, *(rule for keys in backbones for rule in keys.rules)],
            aliases=[*self.aliases, *(rule for keys in backbones for rule in keys.aliases)],
        )


DIALECTS: Registry[Dialect] = Registry()


def writers() -> dict[str, Writer]:
    """The writers of all dialects that can be written, by the dialect's name."""
    return {dialect.name: dialect.writer for dialect in DIALECTS.values() if dialect.writer is not None}


def writable(form: str) -> tuple[Dialect, Writer]:
    """The dialect of that name and its writer, or a ConfigError if there is none that can be written."""
    known = writers()
    if form not in known:
        raise ConfigError(f"form must be one of {', '.join(known)}; got {form!r}.")
    return DIALECTS[form], known[form]


def unknown_dialect(keys: Sequence[str], where: str) -> CheckpointError:
    """The error where no dialect knows even half of the ``keys``; ``where`` names their origin."""
    return CheckpointError(
        f"{where} is not a Mask2Former checkpoint of a known dialect "
        f"({', '.join(dialect.title for dialect in DIALECTS.values())}). Its keys: {shorten(keys)}.{_shared(keys)}"
    )


def check_keys(dialect: Dialect, keys: Iterable[str], where: str) -> None:
    """Raise a CheckpointError unless the table of ``dialect`` knows all ``keys``; ``where`` names their origin."""
    keys, keymap = list(keys), dialect.keymap
    unknown = [key for key in keys if not keymap.knows(key)]
    if 2 * len(unknown) > len(keys):
        raise unknown_dialect(keys, where)
    if unknown:
        raise CheckpointError(
            f"{where} looks like a checkpoint of {dialect.title} but is not one of a Mask2Former: {len(unknown)} of "
            f"{len(keys)} keys are unknown ({shorten(unknown)}).{_shared(unknown)}"
        )


def _shared(keys: Sequence[str]) -> str:
    """A sentence about the prefix that several keys share, up to a dot."""
    prefix = ""
    for part in min(keys).split(".")[:-1]:
        if not all(key.startswith(f"{prefix}{part}.") for key in keys):
            break
        prefix += f"{part}."
    return f" They all begin with {prefix!r:.100}." if len(keys) > 1 and prefix else ""
