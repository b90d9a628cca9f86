"""What a batch segments: images that are listed, but never held."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from ..errors import DatasetError

Source = str | int
"""What opens an image: an absolute path, a URL, or the number of a dataset's row."""


class Entry(NamedTuple):
    """An image as it was listed. ``name`` is what results call it; ``image_id`` its own, where it has one."""

    name: str
    source: Source
    image_id: int | None = None


@dataclass(frozen=True)
class Item:
    """An image of a batch: its place among them, from 0, its id in COCO's files, its name there, and what opens it."""

    index: int
    image_id: int
    name: str
    source: Source


def as_it_is(source: Source) -> Any:
    """A source that :func:`~modelscope_swinpan.images.decode.decode_image` takes itself."""
    return source


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The images of a batch, always in the same order.

    ``entries`` lists them. ``read`` makes of a source what :func:`~modelscope_swinpan.images.decode.decode_image`
    takes, on whatever machine the image is segmented, so it must pickle; it raises an ImageError where it cannot.
    """

    entries: Callable[[], Iterator[Entry]]
    read: Callable[[Source], Any] = as_it_is

    def write(self, file: BinaryIO) -> dict[str, Any]:
        """Write them to ``file``, a JSON object a line, the fields of an :class:`Item`; returns count and digest.

        Those without an id of their own are numbered from 1.

        Raises:
            DatasetError: the list is damaged or empty.
        """
        digest, count = hashlib.sha256(), 0
        for index, (name, source, image_id) in enumerate(self.entries()):
            item = Item(index, index + 1 if image_id is None else image_id, _writable(name), source)
            line = json.dumps(vars(item), separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
        if not count:
            raise DatasetError("There are no images to segment: the folder, pattern or list holds none.")
        return {"count": count, "sha256": digest.hexdigest()}


def _writable(name: str) -> str:
    """A name without what no text file can hold: the bytes of file names that are no Unicode."""
    return name.encode(errors="backslashreplace").decode()
