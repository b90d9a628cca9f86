"""Write images as PNG and JPEG files."""

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..files import write_atomic


def encode_png(image: Image.Image | npt.NDArray[np.uint8]) -> bytes:
    """The content of a PNG file that holds ``image``: a PIL image, or RGB pixels (H, W, 3)."""
    png = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(png, "PNG")
    return png.getvalue()


def encode_jpeg(image: Image.Image | npt.NDArray[np.uint8], quality: int) -> bytes:
    """The content of a JPEG file that holds ``image``, as of :func:`encode_png`, with a ``quality`` of 1–95."""
    jpeg = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(jpeg, "JPEG", quality=quality)
    return jpeg.getvalue()


def jpeg_url(image: Image.Image | npt.NDArray[np.uint8], quality: int) -> str:
    """The same as a ``data:`` address, for a page that loads nothing."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image, quality)).decode()


def write_png(path: Path, image: Image.Image | npt.NDArray[np.uint8]) -> None:
    """Write ``image`` to the PNG file ``path`` atomically; see :func:`encode_png`.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomic(path, encode_png(image))
