"""Read the photo of an example as its truth was annotated: turned by EXIF's orientation or not.

Most tools show photos as EXIF says, and so does this package. Some read the stored pixels. If EXIF turns a photo by
90°, the size of its truth shows which of the two was annotated. Otherwise the dataset has to say it.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from ..images.decode import decode_image
from ..images.header import Header, read_header
from ..structures import Size

Exif = Literal["apply", "ignore"]
"""Whether a dataset's truth was annotated on photos as EXIF turns them, or as they are stored."""
Pixels = npt.NDArray[np.uint8]


def read_photo(source: Any, size: Size, exif: Exif | None = None) -> Pixels:
    """Decode a photo, (H, W, 3) RGB. It has ``size`` if it is the photo that was annotated.

    With ``exif`` None, EXIF's orientation is applied unless ``size`` shows that the truth was annotated without.

    Raises:
        ImageError: it cannot be decoded.
    """
    pixels = decode_image(source)
    if exif == "ignore" or (exif is None and pixels.shape[:2] != size and (pixels.shape[1], pixels.shape[0]) == size):
        header = read_header(source)
        return pixels if header is None else _as_stored(pixels, header.orientation)
    return pixels


def annotated_size(header: Header, size: Size, exif: Exif | None) -> Size:
    """The size that :func:`read_photo` gives a photo."""
    return header.size if exif == "ignore" or (exif is None and header.size == size) else header.shown


def is_undecided(header: Header | None, exif: Exif | None) -> bool:
    """Whether nothing tells how the truth of a photo was annotated."""
    return header is not None and exif is None and header.orientation != 1 and header.shown == header.size


def _as_stored(pixels: Pixels, orientation: int) -> Pixels:
    """Undo EXIF's orientation by its opposite. A mirroring is its own opposite."""
    image = Image.fromarray(pixels)
    image.getexif()[ExifTags.Base.Orientation] = {6: 8, 8: 6}.get(orientation, orientation)
    return np.array(ImageOps.exif_transpose(image))
