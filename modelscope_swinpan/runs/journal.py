"""A folder that a run fills bit by bit: whose it is, its lines, and lists that are too long for the memory."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..errors import ConfigError, DatasetError
from ..files import write_atomic

RUN = "run.json"


def claim(folder: Path, run: Mapping[str, Any], *, files: Sequence[str]) -> None:
    """Make sure that ``folder`` is that of ``run``, JSON of all that decides what it will hold; or make it so.

    ``files`` are those that the run is about to write: they must not be there before.

    Raises:
        ConfigError: the folder holds another run's files, or somebody else's.
        DatasetError: its ``run.json`` is damaged.
        OSError: it cannot be made.
    """
    run = json.loads(json.dumps(run))
    path = folder / RUN
    if path.exists():
        try:
            former = json.loads(path.read_bytes())
        except ValueError:
            raise DatasetError(f"{path}: damaged; remove {folder}.") from None
        if different := [name for name in {**former, **run} if former.get(name) != run.get(name)]:
            changes = "; ".join(
                f"{name} was {_short(former.get(name))}, is {_short(run.get(name))}" for name in different
            )
            raise ConfigError(
                f"{folder} holds another run's predictions: {changes}. Choose another folder, or remove it."
            )
        return
    if taken := [name for name in files if (folder / name).exists()]:
        raise ConfigError(
            f"{folder} holds {taken[0]}, but not the {RUN} of a run that could go on; choose another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(run, indent=2).encode())


class Lines:
    """A file of JSON objects, one a line, that grows at its end. A process may be killed at any time."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file; what a killed process left of its last line is cut off.

        Raises:
            OSError: it cannot be read or written.
        """
        self.path = path
        if path.exists():
            _drop_torn_line(path)

    def add(self, line: bytes) -> None:
        """Add a line, without its end.

        Raises:
            OSError: it cannot be written.
        """
        with self.path.open("ab") as file:
            file.write(line + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The objects, in order, read as they are asked for.

        Raises:
            DatasetError: the file is damaged.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            try:
                yield from map(json.loads, file)
            except ValueError as error:
                raise DatasetError(f"{self.path}: damaged ({error}); remove {self.path.parent}.") from None


@contextmanager
def json_list(file: TextIO) -> Iterator[Callable[[Any], None]]:
    """A function that adds an item to a JSON list in an open file."""
    separator = "["

    def add(item: Any) -> None:
        nonlocal separator
        file.write(separator + json.dumps(item, separators=(",", ":")))
        separator = ",\n"

    yield add
    file.write("]" if separator != "[" else "[]")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _drop_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
        file.truncate(end)
