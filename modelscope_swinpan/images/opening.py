"""Open image files with Pillow: only in formats that we trust, also with megabytes of text beside the pixels."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, TypeVar

from PIL import Image, TiffImagePlugin

from ..errors import ImageError, SwinPanError
from .kinds import FORMATS, HEAD, HEIF, decodes_heif, image_format

T = TypeVar("T")

MAX_HEIF_BYTES = 256 * 2**20  # pillow-heif holds the whole file
MAX_BARE_BYTES = 720_000_000  # 9 bytes for each of the most pixels that are accepted: more than any sound file needs
MAX_TILE = 8192 * 8192  # pixels of a tile of a TIFF, which is held as a whole, however small the picture is
MAX_SCANS = 100
"""The most passes over its pixels that a JPEG may take. libtiff has the same limit; the usual number is 1, or 10."""

_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
_JPEG_EXTRAS = (*range(0xE2, 0xEE), 0xEF, 0xFE)  # application data except JFIF's, EXIF's and Adobe's; comments
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # with a segment; pixels hold none
_PIECE = 2**16


def read_image(file: BinaryIO, read: Callable[[Image.Image], T], formats: tuple[str, ...] = FORMATS) -> T:
    """``read`` of the image in ``file``.

    Pillow refuses a sound PNG that carries more than a megabyte of profile or text, and a JPEG whose profile is
    damaged. It then gets the file without them.

    Raises:
        OSError: the file is a HEIC photo, and pillow-heif is not installed.
        Exception: whatever Pillow or ``read`` raise; damaged files make Pillow raise many types.
    """
    file.seek(0)
    kind = image_format(file.read(HEAD))
    file.seek(0)
    try:
        with _open(file, kind, formats) as image:
            return read(image)
    except SwinPanError:
        raise
    except Exception:
        file.seek(0)
        bare = _bare(file, kind)
        if bare is None:
            raise
    with Image.open(bare, formats=formats) as image:
        return read(image)


def check_scans(image: Image.Image, name: str) -> None:
    """Raise an ImageError where an image that is not decoded yet is a JPEG of more than :data:`MAX_SCANS` passes.

    A pass may be a hundred bytes that cost as much time as the whole picture.
    """
    if image.format not in ("JPEG", "MPO") or not getattr(image, "tile", None):
        return
    file: BinaryIO = image.fp  # type: ignore[attr-defined]  # there until it is decoded
    file.seek(2)
    scans = 0
    while (marker := _next_marker(file)) not in (None, _JPEG_END):
        scans += marker == _JPEG_SCAN
        if scans > MAX_SCANS:
            raise ImageError(f"{name}: a JPEG of over {MAX_SCANS} passes over its pixels; save it anew.")
        file.seek(max(0, int.from_bytes(file.read(2), "big") - 2), io.SEEK_CUR)


def _next_marker(file: BinaryIO) -> int | None:
    """The marker of the next segment of a JPEG. The next read of the file starts behind it."""
    size = 16  # mostly it is among the next bytes
    while piece := file.read(size):
        if match := _JPEG_MARKER.search(piece):
            file.seek(match.end() - len(piece), io.SEEK_CUR)
            return match[1][0]
        if piece[-1] == 0xFF and len(piece) > 1:
            file.seek(-1, io.SEEK_CUR)
        size = _PIECE
    return None


def _open(file: BinaryIO, kind: str | None, formats: tuple[str, ...]) -> Image.Image:
    if kind != HEIF or formats is not FORMATS:
        image = Image.open(file, formats=formats)
        tags: Mapping[int, int] = getattr(image, "tag_v2", {})  # a TIFF has them
        width, height = tags.get(TiffImagePlugin.TILEWIDTH, 0), tags.get(TiffImagePlugin.TILELENGTH, 0)
        if width * height > MAX_TILE:
            raise OSError(f"tiles of {width} × {height} pixels, expected at most {MAX_TILE}.")
        return image
    if not decodes_heif():
        raise OSError("a HEIC photo, which needs pillow-heif: pip install 'modelscope_swinpan[heif]'.")
    from pillow_heif import HeifImageFile  # not registered with Pillow, which others use as well

    if file.seek(0, io.SEEK_END) > MAX_HEIF_BYTES:
        raise OSError(f"larger than {MAX_HEIF_BYTES / 2**20:g} MiB, the limit for a HEIC photo.")
    file.seek(0)
    opened: Image.Image = HeifImageFile(file)
    return opened


def _bare(file: BinaryIO, kind: str | None) -> BinaryIO | None:
    """A PNG or JPEG with only what decides its pixels and their orientation; None for others, or if it is too long."""
    pieces = {"PNG": _png_pieces, "JPEG": _jpeg_pieces}.get(kind or "")
    if pieces is None:
        return None
    bare, length = io.BytesIO(), 0
    for piece in pieces(file):
        length += bare.write(piece)
        if length > MAX_BARE_BYTES:
            return None
    bare.seek(0)
    return bare


def _png_pieces(file: BinaryIO) -> Iterator[bytes]:
    yield file.read(8)
    while len(header := file.read(8)) == 8:
        length, name = int.from_bytes(header[:4], "big"), header[4:]
        if name in _PNG_CHUNKS:
            yield header
            yield from _piecewise(file, length + 4)  # the checksum has 4 bytes
        else:
            file.seek(length + 4, io.SEEK_CUR)


def _jpeg_pieces(file: BinaryIO) -> Iterator[bytes]:
    yield file.read(2)
    while len(header := file.read(4)) == 4 and header[0] == 0xFF and header[1] != _JPEG_SCAN:
        content = file.read(max(0, int.from_bytes(header[2:], "big") - 2))
        if header[1] not in _JPEG_EXTRAS:
            yield header + content
    yield header
    yield from _piecewise(file, MAX_BARE_BYTES)


def _piecewise(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (piece := file.read(min(length, 2**20))):
        length -= len(piece)
        yield piece
