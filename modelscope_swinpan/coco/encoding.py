"""How COCO's files write segments: ids as colours, boxes by width and height, masks as runs."""

import io
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..structures import Segment


def segment_entry(segment: Segment) -> dict[str, Any]:
    """What COCO's result files say of a segment, panoptic or not: category, box and score."""
    return {"category_id": segment.category_id, "bbox": bbox(segment.box), "score": segment.score}


def bbox(box: tuple[int, int, int, int]) -> list[int]:
    """A box ``(x1, y1, x2, y2)`` as COCO's x, y, width, height."""
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def colors_from_ids(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Segment ids (H, W), 0 … 256³-1, as the RGB pixels (H, W, 3) that stand for them."""
    return np.stack([ids & 0xFF, ids >> 8 & 0xFF, ids >> 16 & 0xFF], axis=2).astype(np.uint8)


def ids_from_colors(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """The segment ids (H, W) that RGB pixels (H, W, 3) stand for."""
    red, green, blue = colors.astype(np.int32).transpose(2, 0, 1)
    ids: npt.NDArray[np.int32] = red | green << 8 | blue << 16
    return ids


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The PNG file of an RGB image (H, W, 3)."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    return png.getvalue()


def encode_mask(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) as COCO's compressed run-length encoding, ``{'size': [H, W], 'counts': str}``, ready for JSON.

    The runs go down the columns. hotcoco encodes where it is installed, six times as fast as supervision.
    """
    return {"size": list(mask.shape), "counts": _encoder()(mask)}


@cache
def _encoder() -> Callable[[npt.NDArray[np.bool_]], str]:
    try:
        from hotcoco import mask as masks
    except ImportError:
        from supervision import mask_to_rle  # takes a second to import

        return partial(mask_to_rle, compressed=True)
    return lambda mask: masks.encode(mask)["counts"].decode()
