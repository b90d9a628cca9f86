"""Large photos through a predictor in overlapping tiles, for the small things in them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config import PostprocessConfig, Task
from ..errors import ConfigError
from ..structures import ImageBatch, Size
from .merging import Tile, merge
from .predictor import PanopticPredictor, Result
from .results import PanopticResult
from .views import Box

OVERLAP = 0.25
"""The part of a tile that the next one shows too: things up to that size are seen uncut by one of them."""
LEAST_SIDE = 32
"""The smallest side of a tile, in pixels: the model's coarsest stride."""


class TiledPredictor(PanopticPredictor):
    """A predictor that looks at a photo as a whole and in tiles, and merges what it sees (:mod:`.merging`).

    ``side`` is that of a tile in pixels of the photo, by default the short side of the model's input, so that the model
    sees the photo's own pixels. Neighbours share at least ``overlap`` of it. A photo no larger than a tile gets
    ``predictor``'s own answer. Tiles go through the model ``predictor.batch_size`` at a time: its memory does not grow
    with the photo.
    """

    def __init__(self, predictor: PanopticPredictor, *, side: int | None = None, overlap: float = OVERLAP) -> None:
        """Wrap ``predictor``.

        Raises:
            ConfigError: its task is not the panoptic one, or an option is out of range.
        """
        _check_task(predictor.task)
        super().__init__(predictor.model, batch_size=predictor.batch_size, postprocess=predictor.postprocess)
        self.side = predictor.model.config.preprocess.short_side if side is None else side
        if type(self.side) is not int or self.side < LEAST_SIDE:
            raise ConfigError(f"A tile's side must be a whole number of pixels, {LEAST_SIDE} or more; got {side!r}.")
        if not 0.05 <= overlap <= 0.5:
            raise ConfigError(f"Tiles must overlap by 0.05 to 0.5 of a side; got {overlap!r}.")
        self.overlap = overlap
        self._predictor = predictor

    def with_task(self, task: Task) -> PanopticPredictor:
        """A predictor like this one; there is only the panoptic task.

        Raises:
            ConfigError: ``task`` is another.
        """
        other = super().with_task(task)
        _check_task(task)
        return other

    def prepare(self, images: Sequence[npt.NDArray[np.uint8]]) -> ImageBatch:
        """The model's input for decoded images of one padded size, and the images, of which tiles are cut later."""
        return _Photos(**vars(self._predictor.prepare(images)), images=tuple(images))

    def answer(self, batch: ImageBatch, postprocess: PostprocessConfig | None = None) -> list[Result]:
        """The results for a batch of :meth:`prepare`.

        Raises:
            DeviceError: the GPU's memory does not suffice.
        """
        assert isinstance(batch, _Photos)  # noqa: S101
        config = postprocess or self.postprocess
        wholes = self._predictor.answer(batch, config)
        return [self._merged(image, whole, config) for image, whole in zip(batch.images, wholes, strict=True)]

    def _merged(self, image: npt.NDArray[np.uint8], whole: Result, config: PostprocessConfig) -> Result:
        boxes = tile_boxes(Size(*image.shape[:2]), self.side, self.overlap)
        if len(boxes) == 1:
            return whole
        assert isinstance(whole, PanopticResult)  # noqa: S101
        return merge(whole, self._tiles(image, boxes, config))

    def _tiles(self, image: npt.NDArray[np.uint8], boxes: Sequence[Box], config: PostprocessConfig) -> Iterator[Tile]:
        """The result for each box of an image; all are of one size."""
        for start in range(0, len(boxes), self.batch_size):
            group = boxes[start : start + self.batch_size]
            parts = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in group]
            results = self._predictor.answer(self._predictor.prepare(parts), config)
            for box, result in zip(group, results, strict=True):
                assert isinstance(result, PanopticResult)  # noqa: S101
                yield Tile(box, result)


def _check_task(task: Task) -> None:
    if task != "panoptic":
        raise ConfigError(f"Tiles are for the panoptic task; the one asked for is {task!r}.")


def tiled(predictor: PanopticPredictor, tiles: bool | int) -> PanopticPredictor:
    """``predictor`` itself, or with tiles where they are asked for: by True, or by their side in pixels.

    Raises:
        ConfigError: ``tiles`` is neither, or as of :class:`TiledPredictor`.
    """
    if type(tiles) not in (bool, int):
        raise ConfigError(f"tiles must be True, False or the side of a tile in pixels; got {tiles!r}.")
    if tiles is False:
        return predictor
    return TiledPredictor(predictor, side=None if tiles is True else tiles)


def describe_tiles(predictor: PanopticPredictor) -> list[float] | None:
    """Side and overlap of a predictor's tiles, as JSON has them; None where it has none."""
    return [predictor.side, predictor.overlap] if isinstance(predictor, TiledPredictor) else None


def tile_boxes(size: Size, side: int, overlap: float) -> list[Box]:
    """The boxes of tiles, row by row, all of one size and evenly spread; neighbours share ``overlap`` of a side."""
    height, width = (min(side, length) for length in size)
    return [
        (x, y, x + width, y + height)
        for y in _starts(size.height, side, overlap)
        for x in _starts(size.width, side, overlap)
    ]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where tiles along a side of the photo begin."""
    shared = math.ceil(overlap * side)
    number = max(1, math.ceil((length - shared) / (side - shared)))
    return [round(index * (length - side) / max(number - 1, 1)) for index in range(number)]


@dataclass(frozen=True)
class _Photos(ImageBatch):
    """A batch, and the decoded images that it was made of."""

    images: tuple[npt.NDArray[np.uint8], ...]
