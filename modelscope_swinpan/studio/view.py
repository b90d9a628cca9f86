"""What the browser draws: the photo, the segments' outlines as SVG paths, and what the table says of them."""

import base64
import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..inference.draw import segment_colors
from ..inference.results import PanopticResult

SIDE = 1280
"""The long side, in pixels, of the grid that outlines are drawn on, and the longest that a photo is shown at."""

SMOOTHING = 1.0
"""How far an outline may lie from the edge of its pixels, in pixels of the map or of the grid, whichever are larger."""


def view(file_name: str, image: npt.NDArray[np.uint8], result: PanopticResult) -> dict[str, Any]:
    """What ``viewer.js`` shows of a photo (H, W, 3) and its result: values for JSON, the largest segment first."""
    height, width = result.shape
    scale = SIDE / max(height, width)
    grid = max(1, round(width * scale)), max(1, round(height * scale))
    ids = cv2.resize(result.panoptic_seg, grid, interpolation=cv2.INTER_NEAREST_EXACT)
    colors = segment_colors(result.segments, result.categories)
    segments = [
        {
            "label": segment.label,
            "kind": "thing" if segment.isthing else "stuff",
            "score": segment.score,
            "share": segment.area / (height * width),
            "color": "#{:02x}{:02x}{:02x}".format(*color),
            "path": outline(ids == segment.id, SMOOTHING * max(1.0, scale)),
        }
        for segment, color in zip(result.segments, colors, strict=True)
    ]
    return {
        "name": file_name,
        "photo": _data_url(image if scale >= 1 else cv2.resize(image, grid, interpolation=cv2.INTER_AREA)),
        "size": (width, height),
        "grid": grid,
        "segments": sorted(segments, key=lambda segment: -segment["share"]),
    }


def outline(mask: npt.NDArray[np.bool_], smoothing: float) -> str:
    """The edges of a mask (H, W), those of holes too, as an SVG path to fill by the even-odd rule."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [cv2.approxPolyDP(contour, smoothing, closed=True)[:, 0] for contour in contours]
    return "".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "Z" for ring in rings if len(ring) > 2)


def _data_url(image: npt.NDArray[np.uint8]) -> str:
    jpeg = io.BytesIO()
    Image.fromarray(image).save(jpeg, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode()
