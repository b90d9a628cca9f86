"""A file of JSON lines that grows at its end, and survives its process being killed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files import atomic, errors_named


class Lines:
    """A file of JSON objects, one per line. A process that adds to it may be killed at any time."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file, and cut off a last line that a killed process left unfinished."""
        self.path = path
        if path.exists():
            with path.open("rb+") as file:
                file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))

    def add(self, line: bytes) -> None:
        """Add a line, given without its line break."""
        with errors_named(self.path), self.path.open("ab") as file:
            file.write(line + b"\n")

    def revise(self, revised: Callable[[dict[str, Any]], bytes | None]) -> None:
        """Write the file anew: ``revised`` gives the line for an object, None to keep it. All change, or none does.

        Raises:
            DatasetError: the file is damaged.
        """
        with atomic(self.path) as partial, partial.open("wb") as file, self.path.open("rb") as kept:
            for line, found in zip(kept, self, strict=False):
                changed = revised(found)
                file.write(line if changed is None else changed + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The objects, in order, read as they are asked for; a DatasetError where the file is damaged."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            try:
                yield from map(json.loads, file)
            except ValueError as error:
                raise DatasetError(f"{self.path}: damaged ({error}); choose another folder.") from None
