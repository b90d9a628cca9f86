"""What the beginning and the end of an image file tell, without decoding its pixels."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags, Image

from ..errors import ImageError
from ..files import is_url, open_file
from ..structures import Size
from .decode import ROW_KEYS, check_header, decode_image, read_source
from .kinds import HEAD, image_format

_TAIL = 1024
PNG_END = b"IEND\xaeB`\x82"
_ENDS = {"JPEG": b"\xff\xd9", "PNG": PNG_END}
"""What is at the end of each format, or near it where a camera or a program added something."""


class Header(NamedTuple):
    """The ``size`` of the stored pixels, and EXIF's ``orientation``: 1 as stored, 2–8 turned or mirrored."""

    size: Size
    orientation: int = 1

    @property
    def shown(self) -> Size:
        """The size after EXIF's orientation was applied."""
        return Size(self.size.width, self.size.height) if self.orientation >= 5 else self.size


def read_header(source: Any) -> Header | None:
    """The header of a file, a PIL image, or a dataset row with one of them; None for other inputs.

    Raises:
        ImageError: the image is missing, in no known format, too small or too large, or has floating-point pixels.
    """
    if isinstance(source, Mapping):
        source = next((source[key] for key in ROW_KEYS if key in source), source)
    if isinstance(source, Mapping):
        source = source.get("bytes") or source.get("path")
    known = isinstance(source, str | bytes | os.PathLike | Image.Image)
    return read_source(source, _header) if known and not (isinstance(source, str) and is_url(source)) else None


def _header(image: Image.Image, name: str) -> Header:
    check_header(image, name)
    orientation = _orientation(image)
    turned = image.format == "TIFF" and orientation >= 5  # Pillow gives the size of a TIFF as it is shown
    return Header(Size(*(image.size if turned else image.size[::-1])), orientation)


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole PNG to look for it behind the pixels
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data makes Pillow raise many types; decoding ignores it as well
        return 1
    return found if found in range(2, 9) else 1


def check_end(source: Path | bytes) -> None:
    """Raise an ImageError if an image file is cut short, as by a broken download. Its header must be sound.

    A file that has its format's end is not decoded. In formats without one, nothing is found.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_file(source) as file:
            head = file.read(HEAD)
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError as error:
        raise ImageError(f"{source!r:.200}: cannot be read: {error.strerror}") from None
    kind = image_format(head)
    ends_early = kind == "WEBP" and int.from_bytes(head[4:8], "little") + 8 > size
    if ends_early or _ENDS.get(kind or "", b"") not in tail:
        decode_image(source)
