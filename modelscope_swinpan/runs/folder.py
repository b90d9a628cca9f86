"""The folder of a run: which run it belongs to, and its results. They grow image by image, in the order of the inputs.

``run.json`` says what makes the results, ``inputs.jsonl`` lists the images. ``journal.jsonl`` gets a line per image,
with what the sinks keep of it or the reason why there is no result. It has as many lines as images are done, so that a
stopped run can go on. At the end the sinks' files and ``errors.jsonl`` are made from it.
"""

import json
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ..categories import Category
from ..claims import LOCK, RUN, Claim, TakenError, locked, read_claim
from ..coco.layout import path_inside
from ..files import PREFIX, atomic, write_atomic
from .inputs import Inputs, Item
from .journal import Lines
from .sinks import ERROR, STAMP, WRITTEN, Record, Sink, is_changed

INPUTS, JOURNAL, ERRORS, LEFT_OUT = "inputs.jsonl", "journal.jsonl", "errors.jsonl", "left-out.json"
HELD = 2**20
"""Bytes of a list of inputs that are held in memory. A longer one is in a temporary file until there is a result."""


class _Listed:
    """The inputs, in memory or a file that the system deletes with this process. Any thread may go through them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        place = 0
        while True:
            with self._lock:
                self.file.seek(place)
                line = self.file.readline()
            if not line:
                return
            place += len(line)
            yield json.loads(line)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all of them to a file."""
        with self._lock:
            self.file.seek(0)
            shutil.copyfileobj(self.file, file)


class RunFolder:
    """The results of a run in the folder ``path``: ``done`` of ``total`` images are done, ``failed`` have no result.

    A context manager. The folder is this process's alone from the first record on, or from the start where it holds
    the beginning of the same run. Nothing is written before there is a record to write.
    """

    def __init__(
        self, path: Path, inputs: Inputs, sinks: Sequence[Sink], run: Mapping[str, Any], *, files: Sequence[str] = ()
    ) -> None:
        """``run`` is JSON of all that decides the results besides ``inputs``; ``files`` are written later by others."""
        self.path, self.sinks = path, sinks
        self.total = self.done = self.failed = 0
        self._inputs, self._run, self._others = inputs, run, files
        self._journal: Lines | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "RunFolder":
        """List the inputs, and find out whether the folder may be used.

        Raises:
            ConfigError: it holds something else or another run's results, or another process is at work in it.
            DatasetError: the list of inputs or the folder's files are damaged, or there are no inputs.
        """
        with ExitStack() as stack:
            self._listed = _Listed(stack.enter_context(SpooledTemporaryFile(HELD)))
            listed = self._inputs.write(self._listed.file)
            self.total = listed["count"]
            made = {**self._run, "sinks": [sink.name for sink in self.sinks], "inputs": listed}
            self._claim = Claim(self.path, made, run_files(self.sinks, self._others))
            if self._claim.is_own():
                self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        """Take the folder, for this process alone, and count what is done in it."""
        stack.enter_context(self._claim.taken())
        if not (self.path / INPUTS).exists():
            with atomic(self.path / INPUTS) as partial, partial.open("wb") as file:
                self._listed.copy_to(file)
        self._journal = Lines(self.path / JOURNAL)
        for line, item in zip(self._journal, self._listed, strict=False):
            if ERROR not in line and is_changed(line[STAMP], item):
                raise TakenError(
                    f"{self.path} holds a result for {item['name']}, which was changed since. Choose another folder."
                )
            self._count(failed=ERROR in line)

    def todo(self, limit: int | None = None) -> Iterator[Item]:
        """The images that are left, in order, of the first ``limit``; read as they are asked for."""
        for line in islice(self._listed, self.done, limit):
            yield Item(**line)

    def without_result(self, limit: int | None = None) -> Iterator[Item]:
        """The images of the first ``limit`` that failed, in order; read as they are asked for."""
        for line, item in islice(zip(self.kept(), self._listed, strict=False), limit):
            if ERROR in line:
                yield Item(**item)

    def replace(self, records: Iterable[Record]) -> None:
        """Replace the journal's lines of the images :meth:`without_result` by new records, in the same order.

        If this is stopped, the journal stays as it was.
        """
        left = iter(records)

        def revised(line: dict[str, Any]) -> bytes | None:
            record = next(left, None) if ERROR in line else None
            if record is None:
                return None
            self._write(record)
            self.failed -= not record.failed
            return record.line

        if self._journal is not None:
            self._journal.revise(revised)

    def kept(self) -> Iterator[dict[str, Any]]:
        """The journal's lines, in the order of the images, read as they are asked for."""
        return iter(self._journal or ())

    def keep(self, record: Record) -> None:
        """Write what the sinks keep of the next image, its files first: the journal's line says that they are there.

        A ConfigError says that another process has taken the folder meanwhile.
        """
        assert record.index == self.done  # noqa: S101
        if self._journal is None:
            self._open(self._stack)
        self._write(record)
        assert self._journal is not None  # noqa: S101
        self._journal.add(record.line)
        self._count(failed=record.failed)

    def finish(self, categories: Sequence[Category], limit: int | None = None) -> None:
        """Write the sinks' files of the first ``limit`` images, and of what has no result.

        ``errors.jsonl`` tells of images that failed, and is itself a list of inputs; ``left-out.json`` counts, by
        reason, what was there but is no input. They are written where they have something to tell.
        """
        for sink in self.sinks:
            sink.finish(self.path, partial(self._entries, sink.name, limit), categories)
        (self.path / ERRORS).unlink(missing_ok=True)
        if self.failed:
            with atomic(self.path / ERRORS) as unfinished, unfinished.open("w", encoding="utf-8") as file:
                for line in self.kept():
                    if ERROR in line:
                        file.write(json.dumps(line[ERROR]) + "\n")
        if self._inputs.left_out:
            write_atomic(self.path / LEFT_OUT, json.dumps(self._inputs.left_out, indent=2, sort_keys=True).encode())
        else:
            (self.path / LEFT_OUT).unlink(missing_ok=True)

    def _entries(self, name: str, limit: int | None) -> Iterator[Any]:
        """What the sink ``name`` kept of the first ``limit`` images."""
        return (line[name] for line in islice(self.kept(), limit) if ERROR not in line)

    def _write(self, record: Record) -> None:
        """Write an image's files."""
        for name, content in record.files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path / name, content)

    def _count(self, *, failed: bool) -> None:
        self.done += 1
        self.failed += failed


def run_files(sinks: Iterable[Sink | type[Sink]], others: Sequence[str] = ()) -> tuple[str, ...]:
    """The names in its folder that a run with these sinks writes to, and ``others``."""
    return (INPUTS, JOURNAL, ERRORS, LEFT_OUT, *(name for sink in sinks for name in sink.files), *others)


def is_of(folder: Path, made: Mapping[str, Any]) -> bool:
    """Whether ``folder`` holds the results of a run whose ``run.json`` has all that is in ``made``.

    Raises:
        DatasetError: its ``run.json`` is damaged, or another program's.
    """
    found = read_claim(folder)
    return found is not None and all(found.get(name) == value for name, value in made.items())


def check_replaceable(folder: Path, made: Mapping[str, Any]) -> None:
    """Raise an error where ``folder`` holds something else than results of such a run (:func:`is_of`).

    Raises:
        TakenError: it does.
        DatasetError: as of :func:`is_of`.
    """
    if not folder.exists() or is_of(folder, made):
        return
    if any(path.name != LOCK and not path.name.startswith(PREFIX) for path in folder.iterdir()):
        raise TakenError(
            f"{folder} holds files that are no results of such a run. They would have to be replaced: move them away "
            "first."
        )


def discard(folder: Path, made: Mapping[str, Any]) -> None:
    """Remove the results of a run with ``made`` from ``folder``: the files that its ``run.json`` and journal list.

    Does nothing where there is no folder. Folders that are empty then go, too.

    Raises:
        ConfigError: as of :func:`check_replaceable`, or another process is at work in it.
        DatasetError: its files are damaged.
    """
    check_replaceable(folder, made)
    if (claim := read_claim(folder)) is None:
        return
    with locked(folder):
        for line in Lines(folder / JOURNAL):
            for name in line.get(WRITTEN, ()):
                path_inside(folder, name, str(folder / JOURNAL)).unlink(missing_ok=True)
        for path in (path_inside(folder, name, str(folder / RUN)) for name in claim["files"]):
            if not path.is_dir():
                path.unlink(missing_ok=True)
            elif not any(path.iterdir()):
                path.rmdir()
        (folder / RUN).unlink()
    (folder / LOCK).unlink(missing_ok=True)  # on Windows older locks remove their file themselves
