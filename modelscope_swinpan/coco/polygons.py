"""Polygons of masks, for tools that know no others.

Corners are those of pixels: the polygon of an image's first pixel is (0, 0), (0, 1), (1, 1), (1, 0).
A polygon of these formats is one closed line. So a hole is joined to the line around it by a cut, a line that is gone
along twice, in both directions; it encloses nothing.
"""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

TOLERANCE = 0.5
"""How far a polygon may lie from the edges of the pixels, in pixels: so far that a slope needs no steps."""
_CANDIDATES = 64
"""The most corners of a line that are tried as the end of a cut."""
Polygon = npt.NDArray[np.float64]
"""Corners (N, 2), x and y; the last one is joined to the first."""


def polygons(mask: npt.NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> list[Polygon]:
    """A polygon for each part of a mask (H, W), whose first pixel lies at ``origin`` (x, y) of the image.

    Pixels that touch at a corner belong to one part.
    """
    outlines, tree = cv2.findContours(_corners(mask), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return []
    parts: defaultdict[int, list[Polygon]] = defaultdict(list)
    for index, (outline, (*_, parent)) in enumerate(zip(outlines, tree.reshape(-1, 4).tolist(), strict=True)):
        parts[index if parent < 0 else parent].append(_simplified(outline) / 2 + origin)
    return [joined(lines) for lines in parts.values()]


def joined(lines: Sequence[Polygon]) -> Polygon:
    """Several closed lines as one: each is joined to those before it by a cut, where they are closest."""
    whole = lines[0]
    for line in lines[1:]:
        step = -(-len(line) // _CANDIDATES)
        x, y = line[::step].T
        distances = np.square(whole[:, :1] - x) + np.square(whole[:, 1:] - y)
        start, end = np.unravel_index(distances.argmin(), distances.shape)
        turned = np.roll(line, -int(end) * step, axis=0)
        whole = np.concatenate([whole[: start + 1], turned, turned[:1], whole[start:]])
    return whole


def _corners(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """(2H + 1, 2W + 1): the corners, edges and middles of pixels, 1 where one of the mask's pixels has them.

    OpenCV's contours go from middle to middle of these, so they lie on the edges of the mask's pixels.
    """
    height, width = mask.shape
    doubled = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    doubled[:-1, :-1] = mask.repeat(2, axis=0).repeat(2, axis=1)
    return np.asarray(cv2.dilate(doubled, np.ones((2, 2), np.uint8), anchor=(1, 1)))


def _simplified(outline: npt.NDArray[np.int32]) -> Polygon:
    """An outline without the corners that it does not need; in halves of pixels."""
    fewer = cv2.approxPolyDP(outline, 2 * TOLERANCE, closed=True)
    return np.asarray(fewer if len(fewer) >= 3 else outline).reshape(-1, 2).astype(np.float64)
