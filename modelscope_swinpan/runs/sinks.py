"""Sinks: what a run keeps of each image, and the files that it makes of all of them at the end."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..categories import Category
from ..files import sampled_digest
from ..inference.predictor import Pixels, Result
from .inputs import Item

ERROR = "error"
"""The only member of a journal's line for an image without a result: the reason."""
WRITTEN = "written"
"""The member of a journal's line that lists the image's files."""
STAMP = "stamp"
"""The member of a journal's line for a photo's stamp and a digest of its content; see :func:`is_changed`."""

Entries = Callable[[], Iterator[Any]]
"""Goes through what a sink kept of the images, in order, without the failed ones."""


class Encoded(NamedTuple):
    """What a sink keeps of one image: an entry for the journal, as JSON, and the content of files by relative path."""

    entry: Any = None
    files: Mapping[str, bytes] = {}


class Sink(ABC):
    """One kind of output. Sinks must pickle: :meth:`encode` runs on the machine that segments the image."""

    name: str
    """Its name in the journal and in ``run.json``."""
    files: tuple[str, ...] = ()
    """The files and folders that it writes into the run's folder, by name."""
    live = False
    """Whether :meth:`kept` and :meth:`failed` are to be called."""

    @abstractmethod
    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """What to keep of an image's ``result``; ``pixels`` (H, W, 3) RGB uint8 are the image. Any thread calls it."""

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:  # noqa: B027
        """Write the files that are made of all images together."""

    def kept(self, entry: Any) -> None:  # noqa: B027
        """Receive an image's entry, in the calling process and in the order of the images."""

    def failed(self, error: Mapping[str, Any]) -> None:  # noqa: B027
        """Receive the news of an image without a result; ``error`` is its object in ``errors.jsonl``."""


class VirtualScores(Sink):
    """Wraps a sink, which then gets upstream's constant score for every segment."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.name, self.files, self.live = sink.name, sink.files, sink.live
        self.finish, self.kept, self.failed = sink.finish, sink.kept, sink.failed  # type: ignore[method-assign]

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """What the sink keeps."""
        return self._sink.encode(item, result.with_virtual_scores(), pixels)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is kept of the image at ``index``: its journal line, and the content of its files by relative path."""

    index: int
    line: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    failed: bool = False

    def read(self) -> dict[str, Any]:
        """The line, read."""
        found: dict[str, Any] = json.loads(self.line)
        return found


def record(item: Item, result: Result, pixels: Pixels, sinks: Sequence[Sink]) -> Record:
    """What all sinks keep of an image."""
    kept = {sink.name: sink.encode(item, result, pixels) for sink in sinks}
    files = {path: content for encoded in kept.values() for path, content in encoded.files.items()}
    stamp = None if item.stamp is None else [*item.stamp, sampled_digest(str(item.source))]
    line = {**{name: encoded.entry for name, encoded in kept.items()}, WRITTEN: list(files), STAMP: stamp}
    return Record(index=item.index, line=compact(line), files=files)


def failure(item: Item, reason: str) -> Record:
    """The record of an image without a result. The list of them can be given as inputs again: see ``image``."""
    error = {"image": item.source, "image_id": item.image_id, "file_name": item.name, "error": reason}
    return Record(index=item.index, line=compact({ERROR: error}), failed=True)


def is_changed(stamp: Sequence[Any] | None, item: Mapping[str, Any]) -> bool:
    """Whether the photo of an item is another one than that with the ``stamp`` of a journal's line.

    Size and time must be the same. A replaced file can keep both, but not the time of its inode. Where that differs,
    the content is compared.
    """
    now: Sequence[Any] | None = item[STAMP]
    if stamp is None or now is None:
        return stamp is not now
    if (*stamp[:2],) != (*now[:2],):
        return True
    return bool(stamp[2] != now[2]) and stamp[3] != sampled_digest(item["source"])


def compact(value: Any) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()
