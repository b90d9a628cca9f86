"""What the header of an image file tells, without decoding its pixels."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags, Image

from ..errors import ImageError
from ..files import is_url, open_file
from ..structures import Size
from .decode import ROW_KEYS, check_size
from .embedded import embedded
from .opening import read_image
from .sources import local_path


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
        ImageError: the file is missing, no image in a known format, too small or too large.
    """
    if isinstance(source, Mapping):
        source = next((source[key] for key in ROW_KEYS if key in source), source)
    if isinstance(source, Mapping):
        source = source.get("bytes") or source.get("path")
    if isinstance(source, str) and not is_url(source):
        content = embedded(source)
        source = local_path(source) if content is None else content
    if not isinstance(source, Image.Image | bytes | str | os.PathLike) or (isinstance(source, str) and is_url(source)):
        return None
    header = _header(source) if isinstance(source, Image.Image) else _read(source)
    check_size(header.size.width, header.size.height, _name(source))
    return header


def _read(source: bytes | str | os.PathLike[str]) -> Header:
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_file(Path(source)) as file:
            return read_image(file, _header)
    except FileNotFoundError:
        raise ImageError(f"{_name(source)}: no such file.") from None
    except Exception as error:  # damaged files make Pillow raise many error types
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageError(f"{_name(source)}: cannot be read as an image: {reason}") from None


def _header(image: Image.Image) -> Header:
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


def _name(source: Any) -> str:
    if isinstance(source, bytes | Image.Image):
        return "the image"
    return os.fsdecode(source).encode(errors="backslashreplace").decode()[:200]
