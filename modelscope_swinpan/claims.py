"""Folders of ours: ``run.json`` says what one is for, and a lock keeps other processes out while one is at work in it.

A folder is claimed before the first file is written to it, and only where nothing bears the name of a file to come. So
whatever bears these names in a claimed folder is ours to replace. Everything else in it is left alone.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import ConfigError, DatasetError
from .files import errors_named, remove_leftovers, write_atomic

RUN, LOCK = "run.json", ".lock"
PURPOSE = "purpose"
"""The entry of ``run.json`` that says what such a folder holds, for people. Runs of a model have none."""
DIGEST = "digest"
"""The entry of ``run.json`` that tells whether the files were changed since they were written."""


class TakenError(ConfigError):
    """A folder that holds other results than those to be written, or something else under their names."""


@dataclass(frozen=True)
class Claim:
    """The names ``files`` that a command writes into ``folder``, and JSON of what their content is ``made`` of."""

    folder: Path
    made: Mapping[str, Any]
    files: Sequence[str]

    @cached_property
    def content(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        content: dict[str, Any] = json.loads(json.dumps({**self.made, "files": self.files}))
        return content

    def is_own(self) -> bool:
        """Whether the folder is claimed for exactly this; False where nobody has claimed it yet. Writes nothing.

        Raises:
            TakenError: it is claimed for something else, or is not claimed and holds one of the files.
            DatasetError: its ``run.json`` is damaged.
        """
        former = read_claim(self.folder)
        if former is None:
            check_free(self.folder, self.files)
            return False
        if (purpose := former.get(PURPOSE)) != self.content.get(PURPOSE):
            held = "the results of a run" if purpose is None else purpose
            raise TakenError(f"{self.folder} holds {str(held)[:80]}. Choose another folder.")
        names = [name for name in {**former, **self.content} if name != DIGEST]
        if different := [name for name in names if former.get(name) != self.content.get(name)]:
            changes = "; ".join(
                f"{name} was {_short(former.get(name))}, is {_short(self.content.get(name))}"
                for name in different
                if name != "files" or len(different) == 1  # they follow from the rest
            )
            raise TakenError(f"{self.folder} holds another run's results: {changes}. Choose another folder.")
        return True

    def check(self) -> bool:
        """The same as :meth:`is_own`, and a ConfigError where another process is at work in the folder."""
        if not self.is_own():
            return False
        with locked(self.folder):
            return True

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Claim the folder, which is made where it is missing, and keep other processes out until the block ends.

        Raises:
            TakenError, DatasetError: as of :meth:`is_own`.
            ConfigError: a file is in the folder's place, or another process is at work in it.
        """
        self.is_own()  # before anything is made
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ConfigError(f"{self.folder}: a file is in the place of this folder. Choose another.") from None
        with locked(self.folder):
            if not self.is_own():  # another process may have been quicker
                write_atomic(self.folder / RUN, json.dumps(self.content, indent=2).encode())
            for folder in (self.folder, *(path for name in self.files if (path := self.folder / name).is_dir())):
                remove_leftovers(folder)
            yield

    def sign(self, digest: str) -> None:
        """Note the ``digest`` of the finished files in the claimed folder's ``run.json``."""
        write_atomic(self.folder / RUN, json.dumps({**self.content, DIGEST: digest}, indent=2).encode())


def check_new(folder: Path, files: Sequence[str]) -> None:
    """Raise a TakenError where ``folder`` is claimed for anything, or cannot be claimed for ``files``."""
    if read_claim(folder) is not None:
        raise TakenError(f"{folder} holds another run's results. Choose another folder.")
    check_free(folder, files)


def check_free(folder: Path, files: Sequence[str]) -> None:
    """Raise a TakenError where one of ``files`` is in ``folder``, or a lock that is not ours."""
    taken = [name for name in files if os.path.lexists(folder / name)]
    if not taken and _is_foreign(folder / LOCK):
        taken = [LOCK]
    if taken:
        raise TakenError(
            f"{folder} holds {taken[0]}, but no {RUN}: it is not the folder of a run. Choose another folder."
        )


def _is_foreign(lock: Path) -> bool:
    """Whether a lock is not ours: ours are empty files. Whoever takes a lock empties it, or what it leads to."""
    return os.path.lexists(lock) and (lock.is_symlink() or not lock.is_file() or lock.stat().st_size > 0)


def claimed_paths(folder: Path) -> list[Path]:
    """All that was written, or may be, into a folder that is claimed; nothing if it is not."""
    try:
        claim = read_claim(folder)
    except DatasetError:  # another program's
        claim = None
    return [] if claim is None else [folder / name for name in (RUN, LOCK, *claim["files"])]


def read_claim(folder: Path) -> dict[str, Any] | None:
    """The content of a folder's ``run.json``, or None where there is none.

    Raises:
        DatasetError: it is damaged, or another program's.
    """
    path = folder / RUN
    if not os.path.lexists(path):
        return None
    try:
        content = dict(json.loads(path.read_bytes()))
        return {**content, "files": [str(name) for name in content["files"]]}
    except PermissionError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); choose another folder.") from None
    except (OSError, KeyError, TypeError, ValueError):
        raise DatasetError(f"{path}: damaged, or no file of a run; choose another folder.") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a claimed folder. A process that was killed does not keep its lock.

    Raises:
        ConfigError: another process is at work in it.
    """
    try:
        with errors_named(folder / LOCK):  # some disks have no locks
            lock = FileLock(folder / LOCK).acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"{folder}: another process is at work in it; wait for its end.") from None
    with lock:
        yield


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
