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


def jpeg_url(image: Image.Image | npt.NDArray[np.uint8], quality: int) -> str:
    """The JPEG of an ``image``, as :func:`encode_png` takes it, as a ``data:`` URL for a page that loads nothing.

    ``quality`` is 1–95.
    """
    jpeg = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(jpeg, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode()


def write_png(path: Path, image: Image.Image | npt.NDArray[np.uint8]) -> None:
    """Write ``image`` to the PNG file ``path`` atomically; see :func:`encode_png`.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomic(path, encode_png(image))
