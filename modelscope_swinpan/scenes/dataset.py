"""Generate scenes with their truth. The seed, the size and the altitude decide a scene completely.

Things grow with the picture, so a larger size shows the same kind of scene at a higher resolution. Train on the seeds
from :data:`TRAINING_SEEDS` on. The seeds below are held out for evaluation.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from ..categories import Category
from ..coco.annotation import Example, annotate
from ..errors import ConfigError
from ..structures import Size
from .canvas import VOID, Canvas, Generator
from .compose import SCENE_CATEGORIES, compose
from .noise import PERIOD, pattern

TRAINING_SEEDS = 1_000_000  # the first seed for training
MIN_SIDE, MAX_SIDE = 64, 4096  # the smallest and the largest height and width of a scene, in pixels
FARTHEST = 20  # The largest value of far. The ids of a scene suffice for the things seen from there.
LEAST_STUFF = 1 / 400
"""Stuff that covers less than this part of the picture is a sliver between things, and becomes void."""

DEFAULT_SIZE = Size(256, 320)


def generate_scene(seed: int, size: tuple[int, int] = DEFAULT_SIZE, *, far: float = 1) -> Example:
    """Generate a scene. Its labels are indices into :data:`SCENE_CATEGORIES`.

    Args:
        seed: A whole number of at least 0.
        size: (height, width) in pixels.
        far: The altitude of the camera, 1–20 times that of a standing person. Things are smaller by this factor, and
            there are more of them by this factor. With ``far=12``, things in a picture of 3072 × 3840 pixels have the
            same size in pixels as in one of 256 × 320.

    Raises:
        ConfigError: the seed is negative, or the size or ``far`` is out of range.
    """
    if seed < 0:
        raise ConfigError(f"A scene's seed must be 0 or more; got {seed}.")
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size):
        raise ConfigError(f"Height and width of a scene must lie between {MIN_SIDE} and {MAX_SIDE}; got {size}.")
    if not 1 <= far <= FARTHEST:
        raise ConfigError(f"A scene can be seen from 1 to {FARTHEST} times as high; got {far}.")
    rng = np.random.Generator(np.random.PCG64(seed))
    canvas = Canvas(Size(*size))
    labels = compose(canvas, rng, far)
    segments = []
    for segment in annotate(canvas.ids, labels).segments:
        if SCENE_CATEGORIES[segment.label_id].isthing or segment.area >= LEAST_STUFF * canvas.ids.size:
            segments.append(segment)
        else:
            canvas.ids[canvas.ids == segment.id] = VOID
    return Example(segment_ids=canvas.ids, segments=tuple(segments), image=_photograph(canvas.image, rng, far))


class SceneDataset(Dataset[Example]):
    """The scenes of some seeds, generated on access."""

    def __init__(self, seeds: Sequence[int], size: tuple[int, int] = DEFAULT_SIZE) -> None:
        self.categories: tuple[Category, ...] = SCENE_CATEGORIES
        self._seeds = seeds
        self._size = size

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> Example:
        return generate_scene(self._seeds[index], self._size)


def _photograph(image: npt.NDArray[np.float32], rng: Generator, far: float) -> npt.NDArray[np.uint8]:
    """Imitate a camera: exposure, white balance, focus and the noise of the sensor."""
    height, width = image.shape[:2]
    warmth = rng.uniform(-0.06, 0.06)
    gain = rng.uniform(0.8, 1.15) * np.array([1 + warmth, 1, 1 - warmth], np.float32)
    photo = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8) * (min(height, width) / 256 / far) ** 0.5) * gain
    y, x = rng.integers(0, PERIOD, 2)
    rows, columns = (y + np.arange(height)) % PERIOD, (x + np.arange(width)) % PERIOD
    grain = pattern(0.0)[rows][:, columns] * rng.uniform(0, 5)
    photo += grain[..., np.newaxis]
    pixels: npt.NDArray[np.uint8] = np.clip(photo, 0, 255).astype(np.uint8)
    return pixels
