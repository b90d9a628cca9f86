"""The folder of a batch, which grows image by image in the order of the inputs, so that a stopped run can go on.

``run.json`` says what makes the results, ``inputs.jsonl`` of which images. ``journal.jsonl`` has a line per image, of
its result or of the reason why there is none: as many lines as it has, so many images are done. At the end the files of
the form and ``errors.jsonl`` are made of it.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from filelock import FileLock, Timeout

from ..categories import Category
from ..errors import ConfigError
from ..files import atomic, remove_leftovers, write_atomic
from .inputs import Inputs, Item
from .journal import Lines, claim
from .sinks import ERROR, PNGS, Form, Record

INPUTS, JOURNAL, ERRORS, LOCK = "inputs.jsonl", "journal.jsonl", "errors.jsonl", ".lock"


@contextmanager
def open_batch(folder: Path, inputs: Inputs, form: Form, run: Mapping[str, Any]) -> "Iterator[BatchFolder]":
    """The folder for the results of ``inputs``, made if it is not there, and this process's alone meanwhile.

    ``run`` is JSON of all else that decides what the results are. What was done in the folder for the same run and the
    same inputs stays, whatever the engine.

    Raises:
        ConfigError: it holds something else or another run's results, or another process is at work in it.
        DatasetError: the list of inputs or the folder's files are damaged, or there are no inputs.
        OSError: it cannot be written.
    """
    with TemporaryFile() as listed:  # listed before it is known whether the folder may be touched
        run = {**run, "inputs": inputs.write(listed)}
        claim(folder, run, files=(INPUTS, JOURNAL, *form.files))
        with _alone(folder):
            if not (folder / INPUTS).exists():
                listed.seek(0)
                with atomic(folder / INPUTS) as partial, partial.open("wb") as file:
                    shutil.copyfileobj(listed, file)
            yield BatchFolder(folder, form, run["inputs"]["count"])


class BatchFolder:
    """The results in a folder: ``done`` of ``total`` images are done, ``failed`` of them have no result."""

    def __init__(self, path: Path, form: Form, total: int) -> None:
        """Count what is done; see :func:`open_batch`."""
        self.path, self.total = path, total
        self.form = form
        self._journal = Lines(path / JOURNAL)
        if PNGS in form.files:
            (path / PNGS).mkdir(exist_ok=True)
        remove_leftovers(path)
        remove_leftovers(path / PNGS)
        self.done = self.failed = 0
        for line in self._journal:
            self._count(failed=ERROR in line)

    def todo(self) -> Iterator[Item]:
        """The images that are left, in order, read as they are asked for."""
        for line in islice(Lines(self.path / INPUTS), self.done, None):
            yield Item(**line)

    def keep(self, record: Record) -> None:
        """Write what was made of the next image: its PNG first, since the journal's line says that it is there.

        Raises:
            OSError: it cannot be written.
        """
        assert record.index == self.done  # noqa: S101
        if record.png is not None:
            write_atomic(self.path / PNGS / str(record.png_name), record.png)
        self._journal.add(record.line)
        self._count(failed=record.failed)

    def finish(self, categories: Sequence[Category]) -> None:
        """Write the form's files and, where images failed, ``errors.jsonl``, a list of inputs itself.

        Raises:
            OSError: they cannot be written.
        """
        self.form.finish(self.path, self._results, categories)
        if self.failed:
            with atomic(self.path / ERRORS) as partial, partial.open("w") as file:
                for line in self._journal:
                    if ERROR in line:
                        file.write(json.dumps(line[ERROR]) + "\n")

    def _results(self) -> Iterator[dict[str, Any]]:
        return (line for line in self._journal if ERROR not in line)

    def _count(self, *, failed: bool) -> None:
        self.done += 1
        self.failed += failed


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out; a killed one does not."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"{folder}: another process is at work in it; wait for its end.") from None
    try:
        yield
    finally:
        lock.release()
