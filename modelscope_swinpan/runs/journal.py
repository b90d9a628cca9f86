"""A file of JSON lines that grows at its end, and survives its process being killed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DatasetError


class Lines:
    """A file of JSON objects, one a line. A process that adds to it may be killed at any time."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file, and cut off a last line that a killed process left unfinished.

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


def _drop_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
        file.truncate(end)
