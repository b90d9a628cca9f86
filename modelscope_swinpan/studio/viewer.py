"""The value that ``viewer.js`` displays: the photo, the outlines of its segments as SVG paths, and their table."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..images.encode import jpeg_url
from ..inference.draw import segment_colors
from ..inference.results import PanopticResult

SIDE = 1280
"""The long side, in pixels, of the grid of the outlines. Larger photos are shrunk to it."""

SMOOTHING = 1.0
"""The largest distance of an outline from the true edge, in pixels of the map or the grid, whichever are larger."""
QUALITY = 90  # of the photo, a JPEG


def viewer_value(file_name: str, image: npt.NDArray[np.uint8], result: PanopticResult) -> dict[str, Any]:
    """Prepare a photo (H, W, 3) RGB and its result for ``viewer.js``, in JSON's types, the largest segment first."""
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
        "photo": jpeg_url(image if scale >= 1 else cv2.resize(image, grid, interpolation=cv2.INTER_AREA), QUALITY),
        "size": (width, height),
        "grid": grid,
        "segments": sorted(segments, key=lambda segment: -segment["share"]),
    }


def outline(mask: npt.NDArray[np.bool_], smoothing: float) -> str:
    """The edges of a mask (H, W) and of its holes, as an SVG path to fill by the even-odd rule."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [cv2.approxPolyDP(contour, smoothing, closed=True)[:, 0] for contour in contours]
    return "".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "Z" for ring in rings if len(ring) > 2)
