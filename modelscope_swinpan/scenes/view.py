"""From where a scene is seen and how it is lit: the ground as a plane in perspective, sun and shadows."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..structures import Size
from .canvas import Canvas, Map


@dataclass(frozen=True)
class View:
    """A level camera ``eye`` metres above flat ground; the ``horizon`` is a row of the picture.

    ``far`` is how many times higher that is than where people stand: things look that much smaller.
    """

    size: Size
    horizon: float
    eye: float
    far: float = 1

    def scale(self, row: float) -> float:
        """Pixels per metre of what stands on the ground at a row below the horizon."""
        return (row - self.horizon) / self.eye

    def ground(self, top: int, bottom: int) -> tuple[Map, Map]:
        """Where the pixels of some rows lie: metres to the right of the middle (h, W), and metres ahead (h, 1)."""
        rows = np.arange(top, bottom, dtype=np.float32)[:, np.newaxis] + 0.5
        metres = self.eye / np.maximum(rows - self.horizon, 0.5)
        columns = np.arange(self.size.width, dtype=np.float32) + 0.5 - self.size.width / 2
        return columns * metres, max(self.size) * metres

    def nearness(self, top: int, bottom: int) -> Map:
        """0 at the horizon to 1 a third of the picture below it, for some rows (h, 1): near, details show."""
        rows = np.arange(top, bottom, dtype=np.float32)[:, np.newaxis]
        near: Map = np.clip((rows - self.horizon) / (0.3 * self.size.height), 0, 1)
        return near


@dataclass(frozen=True)
class Light:
    """Where the sun stands: ``side`` from -1 (left) to 1 (right), ``ahead`` of the viewer or behind.

    ``length`` is that of a shadow in heights of what casts it, ``strength`` (0–1) how dark it is.
    """

    side: float
    ahead: bool
    length: float
    strength: float

    def cast(
        self, canvas: Canvas, coverage: Map, left: int, top: int, foot: int, ground: npt.NDArray[np.bool_]
    ) -> None:
        """Darken the ground, the ids for which ``ground`` is true, by the shadow of a sprite.

        It is painted at (``left``, ``top``) and stands on row ``foot``.
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
        # A sprite's row r is rise - r above the ground; its shadow falls that much to the side and along.
        matrix = np.array([[1, -across, left + across * rise - x1], [0, -along, foot + along * rise - y1]])
        shadow = cv2.blur(cv2.warpAffine(coverage, matrix, (x2 - x1, y2 - y1)), (3, 3))
        shadow *= ground[canvas.ids[y1:y2, x1:x2]]
        canvas.image[y1:y2, x1:x2] *= 1 - self.strength * shadow[..., np.newaxis]
