"""The camera and the light of a scene: the ground as a plane in perspective, the sun and its shadows."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..structures import Size
from .canvas import Canvas, Map


@dataclass(frozen=True)
class Camera:
    """A level camera, ``eye`` metres above flat ground. ``horizon`` is a row of the picture.

    ``far`` compares its altitude with that of a standing person. Things look smaller by this factor.
    """

    size: Size
    horizon: float
    eye: float
    far: float = 1

    def scale(self, row: float) -> float:
        """Pixels per metre for things whose foot is on this row, below the horizon."""
        return (row - self.horizon) / self.eye

    def ground(self, top: int, bottom: int) -> tuple[Map, Map]:
        """The ground in the pixels of some rows: metres to the right of the middle (h, W), and metres ahead (h, 1)."""
        metres = self.eye / np.maximum(rows(top, bottom) + 0.5 - self.horizon, 0.5)
        across = columns(self.size.width) + 0.5 - self.size.width / 2
        return across * metres, max(self.size) * metres

    def nearness(self, top: int, bottom: int) -> Map:
        """How clearly details show on some rows (h, 1): from 0 at the horizon to 1 a third of the picture below it."""
        near: Map = np.clip((rows(top, bottom) - self.horizon) / (0.3 * self.size.height), 0, 1)
        return near


@dataclass(frozen=True)
class Light:
    """The sun: ``side`` from -1 (left) to 1 (right), and ``ahead`` of the camera or behind it.

    A shadow is ``length`` times as long as its object is high. ``strength`` (0–1) says how dark it is.
    """

    side: float
    ahead: bool
    length: float
    strength: float

    def cast(
        self, canvas: Canvas, coverage: Map, left: int, top: int, foot: int, ground: npt.NDArray[np.bool_]
    ) -> None:
        """Darken the ground by the shadow of a sprite that is painted at (``left``, ``top``), its foot on row ``foot``.

        ``ground`` tells for every id whether shadows fall on it.
        """
        width = coverage.shape[1]
        across, along = -self.side * self.length, (0.3 if self.ahead else -0.3) * self.length
        rise = foot - top
        x1 = max(round(left + min(across * rise, 0)) - 2, 0)
        x2 = min(round(left + width + max(across * rise, 0)) + 2, canvas.size.width)
        y1 = max(round(foot + min(along * rise, 0)) - 2, 0)
        y2 = min(round(foot + max(along * rise, 0)) + 2, canvas.size.height)
        if x1 >= x2 or y1 >= y2:
            return
        # Row r of the sprite is rise - r pixels above the ground. Its shadow is shifted in proportion to that height.
        matrix = np.array([[1, -across, left + across * rise - x1], [0, -along, foot + along * rise - y1]])
        shadow = cv2.blur(cv2.warpAffine(coverage, matrix, (x2 - x1, y2 - y1)), (3, 3))
        shadow *= ground[canvas.ids[y1:y2, x1:x2]]
        canvas.image[y1:y2, x1:x2] *= 1 - self.strength * shadow[..., np.newaxis]


def rows(top: int, bottom: int, step: int = 1) -> Map:
    """The numbers of some rows (h, 1)."""
    return np.arange(top, bottom, step, dtype=np.float32)[:, np.newaxis]


def columns(width: int, step: int = 1) -> Map:
    """The numbers of the columns (w,)."""
    return np.arange(0, width, step, dtype=np.float32)
