"""What a run segments: images that are listed, but never held."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from ..errors import DatasetError
from ..files import file_stem

Source = str | int
"""What opens an image: an absolute path, a URL, or a number, as that of a dataset's row."""


class Entry(NamedTuple):
    """An image as it was listed.

    ``name`` is what results call it. ``image_id`` and ``stem`` are its own, where it has them: its id in COCO's files,
    and the name of its result files without their suffix.
    """

    name: str
    source: Source
    image_id: int | None = None
    stem: str | None = None


@dataclass(frozen=True)
class Item:
    """An image of a run: its place among the inputs, from 0, and its :class:`Entry`, completed.

    ``stamp`` is the size of the file, the time of its content and that of its inode (ns), None for other sources. It
    shows whether a photo may have been changed after it was segmented.
    """

    index: int
    image_id: int
    name: str
    source: Source
    stem: str
    stamp: tuple[int, int, int] | None = None


def as_it_is(source: Source) -> Any:
    """A source that :func:`~modelscope_swinpan.images.decode.decode_image` takes itself."""
    return source


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The images of a run, always in the same order.

    ``entries`` lists them. ``read`` turns a source into what
    :func:`~modelscope_swinpan.images.decode.decode_image` takes, on the machine that segments the image. It must
    pickle, and raises an ImageError for an image that it cannot read. ``left_out`` counts, by reason, what was there
    but is no input; it is that of the last complete listing. With ``strict`` it must be empty.
    """

    entries: Callable[[], Iterator[Entry]]
    read: Callable[[Source], Any] = as_it_is
    left_out: "Counter[str]" = field(default_factory=Counter)
    strict: bool = False

    def write(self, file: IO[bytes]) -> dict[str, Any]:
        """Write the fields of an :class:`Item` to ``file``, a JSON object a line; returns count and digest.

        Images without an id of their own are numbered from 1. Result files without a stem of their own begin with the
        image's place, so that no two have one name.

        Raises:
            DatasetError: the list is damaged or empty, or something is left out and the list is ``strict``.
        """
        digest, count = hashlib.sha256(), 0
        for index, (name, source, image_id, stem) in enumerate(self.entries()):
            item = Item(
                index,
                index + 1 if image_id is None else image_id,
                writable(name),
                source,
                f"{index:08d}-{writable(file_stem(name))}".replace("\\", "_") if stem is None else stem,
                _stamp(source),
            )
            line = json.dumps(vars(item), separators=(",", ":")).encode() + b"\n"
            digest.update(repr((item.image_id, item.name, source, item.stem)).encode())
            file.write(line)
            count += 1
        left_out = describe_left_out(self.left_out)
        if not count:
            remark = f" {left_out}." if left_out else ""
            raise DatasetError(f"There are no images to segment: the folder, pattern or list holds none.{remark}")
        if self.strict and left_out:
            raise DatasetError(f"{left_out}, and {count} images to segment; nothing may be left out of a strict run.")
        return {"count": count, "sha256": digest.hexdigest()}


def describe_left_out(left_out: Mapping[str, int]) -> str:
    """The counts in a line, as in "3 left out: 1 .heic, 2 hidden"; empty if there are none."""
    counts = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
    return f"{sum(left_out.values())} left out: {counts}" if counts else ""


def writable(name: str) -> str:
    """A name that any text file can hold: bytes that are no Unicode become escapes."""
    return name.encode(errors="backslashreplace").decode()


def _stamp(source: Source) -> tuple[int, int, int] | None:
    try:
        found = os.stat(source) if isinstance(source, str) else None  # noqa: PTH116 (a million times)
    except (OSError, ValueError):  # an address, or a missing file: reading it will say so
        return None
    return found and (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
