"""The formats that annotations are read from. Each has a file in this room; other code may register more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...coco.json import read_json
from ...coco.values import Node
from ...errors import ConfigError, DatasetError
from ...registry import Registry
from ..class_list import ListedClass
from ..drawn import Source
from ..report import Report


@dataclass
class Given:
    """The file or folder that is to be read, and options that tell what it does not. All of these may be None.

    ``images`` is where the photos are. ``classes`` are the class of each value of a semantic map, or the only classes
    to take. ``split`` is the part to take of a dataset that has several.
    """

    path: Path
    _: KW_ONLY
    images: Path | None = None
    classes: Sequence[ListedClass] | None = None
    split: str | None = None

    @property
    def folder(self) -> Path:
        """The folder, or that of the file."""
        return self.path if self.path.is_dir() else self.path.parent

    @cached_property
    def json(self) -> Node | None:
        """The content of the file, if it is a JSON file."""
        if not self.path.is_file() or self.path.suffix.lower() not in (".json", ""):
            return None
        return read_json(self.path)

    def json_with(self, *names: str) -> Node | None:
        """The content of the file, if it is a JSON object with fields of these names."""
        content = self.json
        value = None if content is None else content.value
        return content if isinstance(value, Mapping) and value.keys() >= set(names) else None

    def choose(self, splits: Mapping[str, Any]) -> str:
        """The name of the split to take.

        Raises:
            DatasetError: there are several and none is asked for, or not the one that is.
        """
        if self.split is None and len(splits) == 1:
            return next(iter(splits))
        names = ", ".join(splits) or "none"
        if self.split is None:
            raise DatasetError(f"{self.path}: several splits ({names}); choose one with --split.")
        if self.split not in splits:
            raise DatasetError(f"{self.path}: no split {self.split!r}; there are: {names}.")
        return self.split


@dataclass(frozen=True)
class DatasetFormat:
    """A format. ``recognises`` reads no more than it needs; ``read`` raises a DatasetError for a wrong file."""

    name: str
    help: str
    recognises: Callable[[Given], bool]
    read: Callable[[Given, Report], Source]


FORMATS: Registry[DatasetFormat] = Registry()


def find_format(given: Given, name: str | None = None) -> DatasetFormat:
    """The format ``name``, or the one that a source has.

    Raises:
        ConfigError: there is no format of that name.
        DatasetError: the source has none, or several.
    """
    if name is not None:
        if name not in FORMATS:
            raise ConfigError(f"--format must be one of {', '.join(FORMATS)}; got {name!r}.")
        return FORMATS[name]
    if given.path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z"):
        raise DatasetError(f"{given.path}: a packed file; unpack it, and give the folder.")
    if not given.path.exists():
        raise DatasetError(f"{given.path}: no such file or folder.")
    found = [form for form in FORMATS.values() if form.recognises(given)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(form.name for form in found)
        raise DatasetError(f"{given.path}: may be {names}; say which with --format.")
    known = "; ".join(f"{form.name}: {form.help}" for form in FORMATS.values())
    raise DatasetError(f"{given.path}: none of the known formats. Name it with --format if it is one ({known}).")


def peek_json(path: Path) -> Any:
    """The content of a file, to tell formats apart; None if it is no JSON, or too large."""
    try:
        return read_json(path).value
    except DatasetError:
        return None
