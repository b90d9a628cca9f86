"""Decode every kind of input to RGB uint8 pixels: paths, URLs, PIL images, arrays and dataset rows.

No other module of the package decodes its inputs, so size limits and error messages are the same everywhere.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ImageError
from ..files import is_url, leads_to_file
from .embedded import embedded
from .fetch import MAX_BYTES, fetch
from .kinds import FORMATS as FORMATS
from .kinds import HEAD, hint
from .opening import check_scans, read_image
from .sources import local_path

T = TypeVar("T")
MIN_SIDE = 2
"""The smallest accepted width and height, in pixels. Resizing interpolates between pixels, so one is too few."""
MAX_PIXELS = 80_000_000
"""The largest accepted width × height: photographs of 61 megapixels pass. Pillow itself warns above 89 megapixels."""
ROW_KEYS = ("InputImage:FILE", "image")
"""The keys under which a dataset row may hold its image. The first one present is used."""


def decode_image(source: Any) -> npt.NDArray[np.uint8]:
    """Decode any accepted input.

    The EXIF orientation of files and PIL images is applied. Alpha is dropped without blending, as OpenCV does.
    16-bit samples keep their high byte (``value >> 8``), as in OpenCV. A PIL image of mode I (32 bit) must hold 16-bit
    values; Pillow opens 16-bit files this way. The first frame of an animation is used.

    Args:
        source: One of

            * a path (``str`` or ``os.PathLike``) to a file in one of :data:`~.kinds.FORMATS`, or to a HEIC photo where
              pillow-heif is installed; a ``str`` may also be a ``file://`` address, or begin with ``~``,
            * a ``str`` that starts with ``http://`` or ``https://``,
            * the content of such a file: ``bytes``, a file that is open for reading bytes, or a ``str`` that holds it
              in base64 or is a ``data:`` URL,
            * a PIL image of any mode but F (floating point) and La (premultiplied grey),
            * a uint8 array: (H, W) or (H, W, 1) grey, (H, W, 3) BGR, or (H, W, 4) BGRA, as in ModelScope and OpenCV,
            * a dataset row: a mapping with one of :data:`ROW_KEYS`. Its value is one of the above or, as in
              HuggingFace datasets, ``{'bytes': …, 'path': …}``, which may also be given itself.

    Returns:
        RGB pixels (H, W, 3), uint8 0–255, C-contiguous. The array shares no memory with the input.

    Raises:
        ImageError: the input has the wrong type or dtype, is missing, damaged or no image, or is smaller than
            :data:`MIN_SIDE` or larger than :data:`MAX_PIXELS`.
    """
    if isinstance(source, Mapping):
        return _from_row(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if hasattr(source, "read"):
        return _from_open_file(source)
    if isinstance(source, str) and is_url(source):
        return decode_file(fetch(source), source)
    return read_source(source, _pixels)


def read_source(source: Any, read: Callable[[Image.Image, str], T]) -> T:
    """``read`` of the image of a file, its content or PIL, and its name for errors. Raises as :func:`decode_image`."""
    if isinstance(source, Image.Image):
        with _as_image_error(name := f"PIL image of mode {source.mode}"):
            return read(source, name)
    if isinstance(source, bytes | bytearray | memoryview):
        return read_file(io.BytesIO(source), f"{type(source).__name__} of length {len(source)}", read)
    if isinstance(source, str):
        if (content := embedded(source)) is not None:
            return read_file(io.BytesIO(content), f"{source[:40]}…", read)
        return read_path(local_path(source), read)
    if isinstance(source, os.PathLike):
        return read_path(os.fsdecode(source), read)
    raise ImageError(
        f"An input of type {type(source).__name__} is not accepted; expected a path, an http(s) URL, the bytes of an "
        "image file, a PIL image, a uint8 BGR array or a dataset row."
    )


def several_images(source: Any) -> Iterable[Any] | None:
    """``source`` if it is a collection of images, such as a list, a generator or a dataset; None if it is one image."""
    if isinstance(source, np.ndarray):
        return source.tolist() if source.ndim == 1 and source.dtype.kind in "OU" else None  # a table's column of paths
    one = isinstance(source, str | bytes | bytearray | memoryview | os.PathLike | Mapping | Image.Image)
    return source if not one and not hasattr(source, "read") and isinstance(source, Iterable) else None


def decode_file(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """Decode the ``content`` of an image file by the rules of :func:`decode_image`. Error messages call it ``name``.

    Raises:
        ImageError: the content is no image in one of :data:`FORMATS`, is damaged, too small or too large.
    """
    return read_file(io.BytesIO(content), name, _pixels)


def _from_row(row: Mapping[Any, Any]) -> npt.NDArray[np.uint8]:
    key = next((key for key in ROW_KEYS if key in row), None)
    cell = row if key is None else row[key]
    if not isinstance(cell, Mapping):
        return decode_image(cell)
    if isinstance(cell.get("bytes"), bytes):
        return decode_file(cell["bytes"], "row" if key is None else f"row[{key!r}]")
    if isinstance(cell.get("path"), str):
        return read_path(cell["path"], _pixels)
    if key is None:
        found = ", ".join(map(repr, row)) or "none"
        raise ImageError(
            f"A dataset row must hold its image under {' or '.join(map(repr, ROW_KEYS))}; keys found: {found}."
        )
    raise ImageError(f"row[{key!r}] is a mapping with neither 'bytes' nor 'path'; rows do not nest.")


def _from_open_file(file: Any) -> npt.NDArray[np.uint8]:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else type(file).__name__
    with _as_image_error(name):
        if getattr(file, "seekable", lambda: False)():
            file.seek(0)  # as Pillow does: whoever wrote an image into a buffer is at its end
        content = file.read(MAX_BYTES + 1)
        if not isinstance(content, bytes):
            raise ImageError(f"{name}: open for reading text; open it for reading bytes, as in open(path, 'rb').")
        if len(content) > MAX_BYTES:
            raise ImageError(
                f"{name}: larger than {MAX_BYTES / 2**20:g} MiB, the limit for an open file; pass its path instead."
            )
        return decode_file(content, name)


def read_path(source: str, read: Callable[[Image.Image, str], T]) -> T:
    """``read`` of the image in the file ``source`` and its name for errors. Raises as :func:`decode_image`."""
    name = source.encode(errors="backslashreplace").decode()  # a terminal cannot encode all names
    name = name if len(name) <= 200 else f"{name[:200]}…"
    path = Path(source)
    with _as_image_error(name):
        if path.is_dir():
            raise ImageError(
                f"{name}: a folder, expected an image file. 'swinpan batch' takes folders; in Python, list its files."
            )
        if not leads_to_file(path):
            advice = " Only http:// and https:// addresses can be fetched." if "://" in source else ""
            raise ImageError(f"{name}: no such file.{advice}")
        with path.open("rb") as file:
            return read_file(file, name, read)


def read_file(file: BinaryIO, name: str, read: Callable[[Image.Image, str], T]) -> T:
    """The same for a file that is open, and that errors call ``name``."""
    head = file.read(HEAD)
    with _as_image_error(name, hint(head)):
        if not head:
            raise ImageError(f"{name}: empty, expected an image.")
        return read_image(file, lambda image: read(image, name))


def _pixels(image: Image.Image, name: str) -> npt.NDArray[np.uint8]:
    check_header(image, name)  # before anything is decoded
    check_scans(image, name)
    image.load()
    with suppress(Exception):  # damaged EXIF data makes Pillow raise many types; the pixels are still usable
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return _from_16_bit(np.asarray(image), name)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # Pillow warns if a palette that may hold alpha is converted to RGB directly
    return np.array(image.convert("RGB"))


def _from_16_bit(grey: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    if grey.min() < 0 or grey.max() > 0xFFFF:
        found = f"values from {grey.min()} to {grey.max()}"
        raise ImageError(f"{name}: {found}, expected 16 bit (0–65535); scale them to 0–255 and convert to mode L.")
    return np.repeat((grey >> 8).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def _from_array(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    name = f"Array of shape {array.shape} and dtype {array.dtype}"
    array = np.asarray(array)  # subclasses such as np.matrix index differently
    expected = "expected uint8 of shape (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA"
    if array.dtype != np.uint8:
        raise ImageError(f"{name}: {expected}. {_dtype_hint(array)}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        channels_first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        advice = " Put the channels last: array.transpose(1, 2, 0)." if channels_first else ""
        if array.ndim == 4:
            advice = " Pass several images as a list: list(array)."
        raise ImageError(f"{name}: {expected}.{advice}")
    _check_size(array.shape[1], array.shape[0], name)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array[..., 2::-1])


def _dtype_hint(array: npt.NDArray[Any]) -> str:
    if array.dtype.kind == "b":
        return "Convert with array.astype('uint8') * 255."
    if array.dtype.kind not in "iuf":
        return "Convert it to numbers from 0 to 255, then array.astype('uint8')."
    if array.dtype.kind == "f" and np.isnan(array).any():
        return "It holds NaN (not a number). Replace NaN first with np.nan_to_num(array)."
    if array.dtype == np.uint16:
        return "Convert 16-bit values with (array >> 8).astype('uint8')."
    return (
        "Convert values from 0 to 255 with array.clip(0, 255).astype('uint8'), values from 0 to 1 with "
        "(array.clip(0, 1) * 255).round().astype('uint8')."
    )


def check_header(image: Image.Image, name: str) -> None:
    """Raise an ImageError that calls an image ``name`` if it is too small or too large, or has no fixed range."""
    _check_size(image.width, image.height, name)
    if image.mode == "F":
        raise ImageError(
            f"{name}: floating-point pixels have no fixed range; scale them to 0–255 and convert to mode L."
        )


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: {width} × {height} pixels, expected at least {MIN_SIDE} × {MIN_SIDE}.")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} × {height} pixels are {width * height / 1e6:.0f} megapixels, "
            f"expected at most {MAX_PIXELS / 1e6:.0f}; make it smaller."
        )


@contextmanager
def _as_image_error(name: str, told: str = "") -> Iterator[None]:
    """Turn every exception from reading the image ``name`` into an :class:`ImageError`.

    ``told`` is added if it is no image: what its first bytes tell.
    """
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            f"{name}: larger than the limit of {MAX_PIXELS / 1e6:.0f} megapixels; make it smaller."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not an image in a known format ({', '.join(FORMATS)}).{told}") from None
    except Exception as error:  # damaged files make Pillow raise many types: OSError, SyntaxError, struct.error, …
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageError(f"{name}: cannot be read as an image: {reason}") from None
