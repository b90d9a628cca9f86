"""The ways in which the pipeline hands out masks: arrays for this process, runs or one PNG for the wire."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from modelscope.outputs import OutputKeys
from PIL import Image

from ..coco.encoding import colors_from_ids
from ..inference.predictor import Result


def as_list(result: Result) -> dict[str, Any]:
    """``masks``: a list of (H, W) int32 arrays of 0 and 1, as upstream; ``panoptic_seg`` (H, W) int32."""
    return {
        OutputKeys.MASKS: [result.mask(segment).astype(np.int32) for segment in result.segments],
        "panoptic_seg": result.to_panoptic().panoptic_seg,
    }


def as_rle(result: Result) -> dict[str, Any]:
    """``masks``: a list of COCO's compressed run-length encodings, ``{'size': [H, W], 'counts': str}``."""
    return {OutputKeys.MASKS: result.to_rle()}


def as_png(result: Result) -> dict[str, Any]:
    """``panoptic_png``: the ids of ``panoptic_seg`` as an RGB PNG in COCO's coding (R + 256 G + 256² B), in base64."""
    file = io.BytesIO()
    Image.fromarray(colors_from_ids(result.to_panoptic().panoptic_seg)).save(file, "PNG")
    return {"panoptic_png": base64.b64encode(file.getvalue()).decode("ascii")}


MASK_FORMATS: dict[str, Callable[[Result], dict[str, Any]]] = {"list": as_list, "rle": as_rle, "png": as_png}
