"""The canvas: a picture and its truth side by side, and the sprites that are painted onto both.

A pixel gets the id of the topmost shape that covers at least half of it. The same coverage blends the colours, so the
picture and the truth have one geometry.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..structures import Size

VOID = 0
_LARGE = 72  # pixels; sprites with longer sides need fewer samples for an equally good edge
_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws at
Color = tuple[float, float, float]  # RGB, 0–255
Points = Sequence[tuple[float, float]]
Map = npt.NDArray[np.floating[Any]]
Generator = np.random.Generator


class Sprite:
    """A drawing on a transparent background. One unit of its coordinates is ``unit`` pixels; x points right, y down.

    ``turn`` rotates everything clockwise about the middle, in degrees. Sprites are drawn two or four times as large and
    then averaged, for smooth edges.
    """

    def __init__(self, width: float, height: float, unit: float, turn: float = 0) -> None:
        self.size = Size(max(1, round(height * unit)), max(1, round(width * unit)))
        samples = 4 if max(self.size) <= _LARGE else 2
        self._unit = unit * samples
        self._turn = turn
        angle = np.deg2rad(turn)
        self._rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        self._middle = np.array([width / 2, height / 2])
        self._pixels = np.zeros((self.size.height * samples, self.size.width * samples, 4), np.uint8)
        self._shade: Map | None = None
        self._mirrored = False

    def polygon(self, points: Points, color: Color) -> None:
        """Draw a filled polygon."""
        cv2.fillPoly(self._pixels, [self._fixed(points)], (*color, 255), cv2.LINE_8, _SHIFT)

    def rectangle(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        """Draw a filled rectangle."""
        self.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], color)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, color: Color, *, start: float = 0, end: float = 360
    ) -> None:
        """Draw a filled ellipse, or its sector from ``start`` to ``end`` degrees, clockwise from the right."""
        (center,) = self._fixed([(x, y)]).tolist()
        axes = [round(radius * self._unit * 2**_SHIFT) for radius in (rx, ry)]
        cv2.ellipse(self._pixels, center, axes, self._turn, start, end, (*color, 255), -1, cv2.LINE_8, _SHIFT)

    def stroke(self, points: Points, thickness: float, color: Color) -> None:
        """Draw a line through ``points`` with round ends."""
        width = max(1, round(thickness * self._unit))
        cv2.polylines(self._pixels, [self._fixed(points)], False, (*color, 255), width, cv2.LINE_8, _SHIFT)

    def shade(self, field: Map) -> None:
        """Multiply the colours by ``field`` (h, w), stretched over the sprite."""
        self._shade = cv2.resize(field.astype(np.float32), self.size[::-1])

    def mirror(self, mirrored: bool) -> None:
        """Swap left and right if ``mirrored``."""
        self._mirrored = mirrored

    def render(self) -> tuple[Map, Map]:
        """The colours (h, w, 3), 0–255, times the coverage, and the coverage (h, w), 0–1."""
        pixels = cv2.resize(self._pixels, self.size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._mirrored:
            pixels = pixels[:, ::-1]
        colors, coverage = pixels[..., :3], pixels[..., 3] / 255
        return (colors if self._shade is None else colors * self._shade[..., np.newaxis]), coverage

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        """The points as OpenCV's fixed-point coordinates, whose origin is the middle of the first pixel."""
        places = np.array(points)
        if self._turn:
            places = (places - self._middle) @ self._rotation + self._middle
        fixed: npt.NDArray[np.int32] = np.rint((places * self._unit - 0.5) * 2**_SHIFT).astype(np.int32)
        return fixed


class Canvas:
    """A picture that is being painted, ``image`` (H, W, 3) float32 RGB, 0–255, and its ``ids`` (H, W) int32."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.image: Map = np.zeros((*size, 3), np.float32)
        self.ids: npt.NDArray[np.int32] = np.full(size, VOID, np.int32)

    def fill(self, coverage: Map, colors: Map, top: int, id_: int) -> None:
        """Paint whole rows from ``top`` on, with ``colors`` (h, W, 3) and ``coverage`` (h, W)."""
        rows = slice(top, top + len(coverage))
        blend(self.image[rows], colors, coverage)
        self.ids[rows][coverage >= 0.5] = id_

    def paint(self, colors: Map, coverage: Map, left: int, top: int, id_: int) -> None:
        """Paint a rendered sprite with its corner at (``left``, ``top``). Parts outside the picture are cut off."""
        frame, part = self._overlap(coverage, left, top)
        alpha = coverage[part]
        image = self.image[frame]
        image *= 1 - alpha[..., np.newaxis]
        image += colors[part]
        self.ids[frame][alpha >= 0.5] = id_

    def under(self, coverage: Map, left: int, top: int) -> npt.NDArray[np.int32]:
        """The ids (n,) of the pixels that a sprite at this place would take."""
        frame, part = self._overlap(coverage, left, top)
        return self.ids[frame][coverage[part] >= 0.5]

    def _overlap(self, coverage: Map, left: int, top: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The slices of the picture and of the sprite where the two overlap."""
        height, width = coverage.shape
        y1, x1 = max(top, 0), max(left, 0)
        y2, x2 = max(min(top + height, self.size.height), y1), max(min(left + width, self.size.width), x1)
        return (slice(y1, y2), slice(x1, x2)), (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))


def blend(pixels: Map, color: Map | Color, alpha: Map) -> None:
    """Mix a colour, or colours (h, w, 3), into ``pixels`` (h, w, 3) in place. ``alpha`` (h, w) is its share, 0–1."""
    colors = flat(color) if isinstance(color, tuple) else color
    pixels += (colors - pixels) * alpha[..., np.newaxis]


def flat(color: Color) -> Map:
    """A colour as an array (3,) that broadcasts over pixels."""
    return np.array(color, np.float32)
