"""COCO's notation: segment ids as colours, boxes by width and height, masks as run-length codes (RLE)."""

import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..errors import ConfigError
from ..structures import Segment
from .annotation import SegmentInfo

_SHIFTS = 5 * np.arange(9)
"""Eight letters hold runs of up to 2**39 pixels."""


def segment_entry(segment: Segment) -> dict[str, Any]:
    """Category, box and score of a segment, the fields that COCO's panoptic and instance result files share."""
    return {"category_id": segment.category_id, "bbox": bbox(segment.box), "score": segment.score}


def info_entry(info: SegmentInfo, category: Category) -> dict[str, Any]:
    """The fields of a true segment that COCO's panoptic and instance files share."""
    return {
        "id": info.id,
        "category_id": category.id,
        "area": info.area,
        "bbox": bbox(info.box),
        "iscrowd": int(info.iscrowd),
    }


def bbox(box: tuple[int, int, int, int]) -> list[int]:
    """Turn a box ``(x1, y1, x2, y2)`` into COCO's ``[x, y, width, height]``; all in pixels."""
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def colors_from_ids(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Turn segment ids (H, W), 0 … 256³-1, into RGB pixels (H, W, 3): ``id = R + 256 · G + 256² · B``.

    Raises:
        ConfigError: a larger id.
    """
    if (largest := int(ids.max(initial=0))) >= 256**3:
        raise ConfigError(
            f"Segment ids go up to {largest}, but COCO's PNGs hold {256**3 - 1} at most. Ask for masks as runs instead "
            "(mask_format='rle'), or number the segments from 1."
        )
    return np.stack([ids & 0xFF, ids >> 8 & 0xFF, ids >> 16 & 0xFF], axis=2).astype(np.uint8)


def ids_from_colors(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Turn RGB pixels (H, W, 3) into segment ids (H, W); the inverse of :func:`colors_from_ids`."""
    if colors.size == 0:
        return np.zeros(colors.shape[:2], np.int32)
    # OpenCV adds a fourth byte to each pixel, 255, in one pass.
    ids: npt.NDArray[np.int32] = cv2.cvtColor(np.ascontiguousarray(colors), cv2.COLOR_RGB2RGBA).view("<i4")[..., 0]
    ids &= 0xFFFFFF
    return ids.astype(np.int32, copy=False)


def encode_mask(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Encode a mask (H, W) as COCO's compressed RLE, ``{'size': [H, W], 'counts': str}``, ready for JSON.

    RLE runs down the columns, and begins with a run of zeros.
    """
    flat = cv2.transpose(np.ascontiguousarray(mask).view(np.uint8)).ravel()  # several times as fast as order="F"
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0] * (1 + flat[0]), starts, [mask.size]]))
    return {"size": list(mask.shape), "counts": _compress(runs)}


def _compress(runs: npt.NDArray[np.int64]) -> str:
    """Lengths of runs as COCO's text: each as its difference from the last but one, five bits a letter."""
    values = runs.copy()
    values[3:] -= runs[1:-2]
    pieces = values[:, np.newaxis] >> _SHIFTS  # what is left of a value before each of its letters
    letters = pieces[:, :-1] & 0x1F
    more = pieces[:, 1:] != np.where(letters & 0x10, -1, 0)
    wanted = np.logical_and.accumulate(np.column_stack([np.ones(len(more), np.bool_), more[:, :-1]]), axis=1)
    text: bytes = (letters + 0x20 * more + 48).astype(np.uint8)[wanted].tobytes()
    return text.decode()


@dataclass(frozen=True)
class PackedIds:
    """A compressed map of segment ids: the 48 MB of a 12-megapixel photo become some tens of kilobytes."""

    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def pack(cls, ids: npt.NDArray[np.int32]) -> "PackedIds":
        """Compress a map (H, W)."""
        return cls(ids.shape, zlib.compress(ids.tobytes(), level=1))

    def unpack(self) -> npt.NDArray[np.int32]:
        """The map (H, W), read-only."""
        return np.frombuffer(zlib.decompress(self.data), np.int32).reshape(self.shape)
