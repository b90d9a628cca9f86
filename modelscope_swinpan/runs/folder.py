"""The folder of a run: whose it is, and the results in it, which grow image by image in the order of the inputs.

``run.json`` says what makes the results, ``inputs.jsonl`` lists the images. ``journal.jsonl`` gets a line per image,
with what the sinks keep of it or the reason why there is no result. It has as many lines as images are done, so that a
stopped run can go on. At the end the sinks' files and ``errors.jsonl`` are made of it.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from ..categories import Category
from ..coco.layout import path_inside
from ..errors import ConfigError, DatasetError
from ..files import atomic, remove_leftovers, write_atomic
from .inputs import Inputs, Item
from .journal import Lines
from .sinks import ERROR, STAMP, WRITTEN, Record, Sink


class TakenError(ConfigError):
    """A folder that holds another run's results, or something else."""


RUN, INPUTS, JOURNAL, ERRORS, LOCK = "run.json", "inputs.jsonl", "journal.jsonl", "errors.jsonl", ".lock"
LEFT_OUT = "left-out.json"


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
            self._listed = Path(stack.enter_context(TemporaryDirectory(prefix="swinpan-")), INPUTS)
            with self._listed.open("wb") as file:
                listed = self._inputs.write(file)
            self.total = listed["count"]
            sinks = [sink.name for sink in self.sinks]
            run = {**self._run, "sinks": sinks, "inputs": listed, "files": self.files}
            self._run = json.loads(json.dumps(run))
            if is_own(self.path, self._run, files=self.files):
                self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def files(self) -> tuple[str, ...]:
        """The names in the folder that the run writes to."""
        of_sinks = (name for sink in self.sinks for name in sink.files)
        return (INPUTS, JOURNAL, ERRORS, LEFT_OUT, *of_sinks, *self._others)

    def _open(self, stack: ExitStack) -> None:
        """Take the folder, for this process alone, and count what is done in it."""
        self.path.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_lock(self.path))
        if not is_own(self.path, self._run, files=self.files):
            write_atomic(self.path / RUN, json.dumps(self._run, indent=2).encode())
        if not (self.path / INPUTS).exists():
            with atomic(self.path / INPUTS) as partial:
                shutil.copyfile(self._listed, partial)
        for folder in (self.path, *(path for name in self.files if (path := self.path / name).is_dir())):
            remove_leftovers(folder)
        self._journal = Lines(self.path / JOURNAL)
        for line, item in zip(self._journal, Lines(self._listed), strict=False):
            if ERROR not in line and line[STAMP] != item[STAMP]:
                raise TakenError(
                    f"{self.path} holds a result for {item['name']}, which was changed since. Choose another folder, "
                    "or remove it."
                )
            self._count(failed=ERROR in line)

    def todo(self, limit: int | None = None) -> Iterator[Item]:
        """The images that are left, in order, of the first ``limit``; read as they are asked for."""
        for line in islice(Lines(self._listed), self.done, limit):
            yield Item(**line)

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
        for name, content in record.files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path / name, content)
        assert self._journal is not None  # noqa: S101
        self._journal.add(record.line)
        self._count(failed=record.failed)

    def finish(self, categories: Sequence[Category], limit: int | None = None) -> None:
        """Write the sinks' files of the first ``limit`` images, and of what has no result.

        ``errors.jsonl`` tells of images that failed, and is itself a list of inputs; ``left-out.json`` counts, by
        reason, what was there but is no input. They are written where they have something to tell.
        """

        def entries(sink: Sink) -> Iterator[Any]:
            return (line[sink.name] for line in islice(self.kept(), limit) if ERROR not in line)

        for sink in self.sinks:
            sink.finish(self.path, lambda sink=sink: entries(sink), categories)  # type: ignore[misc]
        if self.failed:
            with atomic(self.path / ERRORS) as partial, partial.open("w", encoding="utf-8") as file:
                for line in self.kept():
                    if ERROR in line:
                        file.write(json.dumps(line[ERROR]) + "\n")

        if self._inputs.left_out:
            write_atomic(self.path / LEFT_OUT, json.dumps(self._inputs.left_out, indent=2, sort_keys=True).encode())
        else:
            (self.path / LEFT_OUT).unlink(missing_ok=True)

    def _count(self, *, failed: bool) -> None:
        self.done += 1
        self.failed += failed


def is_own(folder: Path, run: Mapping[str, Any], *, files: Sequence[str]) -> bool:
    """Whether ``folder`` holds the beginning of ``run``; False where it may begin there.

    Raises:
        TakenError: the folder holds another run's results, or one of ``files`` that is nobody's run.
        DatasetError: its ``run.json`` is damaged.
    """
    path = folder / RUN
    if path.exists():
        try:
            former = dict(json.loads(path.read_bytes()))
        except (TypeError, ValueError):
            raise DatasetError(f"{path}: damaged, or no file of a run; choose another folder.") from None
        different = [name for name in {**former, **run} if former.get(name) != run.get(name)]
        if different:
            changes = "; ".join(
                f"{name} was {_short(former.get(name))}, is {_short(run.get(name))}"
                for name in different
                if name != "files" or len(different) == 1  # they follow from the sinks
            )
            raise TakenError(f"{folder} holds another run's results: {changes}. Choose another folder, or remove it.")
        return True
    if taken := [name for name in files if (folder / name).exists()]:
        raise TakenError(
            f"{folder} holds {taken[0]}, but no {RUN}: it is not the folder of a run. Choose another folder."
        )
    return False


def check_replaceable(folder: Path) -> None:
    """Raise a ConfigError where ``folder`` holds files that are no run's results, so that :func:`discard` refuses."""
    if folder.exists() and any(folder.iterdir()) and not (folder / RUN).is_file():
        raise ConfigError(
            f"{folder} holds files that are no run's results. They would have to be replaced: move them away first."
        )


def is_of(folder: Path, sinks: Sequence[Sink]) -> bool:
    """Whether ``folder`` holds the results of a run with these sinks, whatever its model and inputs."""
    try:
        return bool(json.loads((folder / RUN).read_bytes())["sinks"] == [sink.name for sink in sinks])
    except (OSError, KeyError, TypeError, ValueError):
        return False


def discard(folder: Path) -> None:
    """Remove a run's results from ``folder``: just the files that its ``run.json`` and journal say it wrote.

    Does nothing where there is no folder. Folders that are empty then go, too.

    Raises:
        ConfigError: as of :func:`check_replaceable`, or another process is at work in it.
        DatasetError: its files are damaged.
    """
    check_replaceable(folder)
    if not (folder / RUN).is_file():
        return
    with _lock(folder):
        try:
            names = [str(name) for name in json.loads((folder / RUN).read_bytes())["files"]]
        except (KeyError, TypeError, ValueError):
            raise DatasetError(f"{folder / RUN}: damaged, or no file of a run; move {folder} away.") from None
        for line in Lines(folder / JOURNAL):
            for name in line.get(WRITTEN, ()):
                path_inside(folder, name, str(folder / JOURNAL)).unlink(missing_ok=True)
        for path in (path_inside(folder, name, str(folder / RUN)) for name in names):
            if not path.is_dir():
                path.unlink(missing_ok=True)
            elif not any(path.iterdir()):
                path.rmdir()
        (folder / RUN).unlink()
    (folder / LOCK).unlink(missing_ok=True)


def _lock(folder: Path) -> AbstractContextManager[Any]:
    """Keep other processes out of a folder. A process that was killed does not keep its lock."""
    try:
        return FileLock(folder / LOCK).acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"{folder}: another process is at work in it; wait for its end.") from None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
