"""Large photos through a predictor in overlapping tiles, for the small things in them."""

import copy
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..categories import Category
from ..config import PostprocessConfig, Task
from ..errors import ConfigError
from ..structures import Size
from .merging import Tile, merge
from .merging_instances import InstanceMerger
from .predictor import Pixels, Predictor, Result
from .views import Box

OVERLAP = 0.25  # The part of a tile that the next tile shows too. Some tile shows uncut every thing up to that size.
LEAST_SIDE = 32  # the smallest side of a tile, in pixels: the model's coarsest stride


class TiledPredictor(Predictor):
    """Shows a predictor each photo as a whole and in tiles, and merges its answers (:mod:`.merging`).

    ``side`` is the side of a tile in pixels of the photo, by default the short side of the model's input: then the
    model sees the photo's own pixels. Neighbours share at least ``overlap`` of it. A photo no larger than a tile gets
    the predictor's own answer. ``batch_size`` tiles are in memory at a time, however large the photo is.
    """

    def __init__(self, predictor: Predictor, *, side: int | None = None, overlap: float = OVERLAP) -> None:
        """Wrap ``predictor``.

        Raises:
            ConfigError: its task is not the panoptic one, or an option is out of range.
        """
        _check_task(predictor.task)
        self.side = predictor.short_side if side is None else side
        if type(self.side) is not int or self.side < LEAST_SIDE:
            raise ConfigError(f"A tile's side must be a whole number of pixels, {LEAST_SIDE} or more; got {side!r}.")
        if not 0.05 <= overlap <= 0.5:
            raise ConfigError(f"Tiles must overlap by 0.05 to 0.5 of a side; got {overlap!r}.")
        self.overlap = overlap
        self.predictor = predictor

    @property
    def task(self) -> Task:  # type: ignore[override]
        """The panoptic one."""
        return self.predictor.task

    @property
    def batch_size(self) -> int:  # type: ignore[override]
        """How many photos, and how many tiles, go through the predictor together."""
        return self.predictor.batch_size

    @property
    def postprocess(self) -> PostprocessConfig:
        """The predictor's thresholds."""
        return self.predictor.postprocess

    @postprocess.setter
    def postprocess(self, value: PostprocessConfig) -> None:
        self.predictor = self.predictor.with_options(postprocess=value)

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes, by label."""
        return self.predictor.categories

    @property
    def short_side(self) -> int:
        """The short side, in pixels, that the whole photo and each tile are resized to."""
        return self.predictor.short_side

    @property
    def device(self) -> str:
        """The kind of device that the predictor computes on."""
        return self.predictor.device

    def changed(self, options: Mapping[str, Any]) -> "TiledPredictor":
        """See :meth:`.Predictor.changed`; there is only the panoptic task, and no contest among merged answers."""
        if options.get("contested"):
            raise ConfigError(
                "Tiles are merged from finished answers, which do not tell what other thresholds would have left: "
                "compare thresholds without tiles."
            )
        other = copy.copy(self)
        other.predictor = self.predictor.with_options(**options)
        _check_task(other.task)
        return other

    def identity(self) -> dict[str, Any]:
        """The predictor's identity, with side and overlap of the tiles."""
        return {**self.predictor.identity(), "tiles": [self.side, self.overlap]}

    def group(self, size: Size) -> Hashable:
        """See :meth:`.Predictor.group`."""
        return self.predictor.group(size)

    def prepare(self, images: Sequence[Pixels]) -> tuple[Any, Sequence[Pixels]]:
        """The predictor's batch of the whole photos, and the photos, from which tiles are cut."""
        return self.predictor.prepare(images), images

    def answer(self, batch: tuple[Any, Sequence[Pixels]]) -> list[Result]:
        """See :meth:`.Predictor.answer`."""
        wholes, photos = batch
        return [self._merged(*both) for both in zip(photos, self.predictor.answer(wholes), strict=True)]

    def _merged(self, photo: Pixels, whole: Result) -> Result:
        boxes = tile_boxes(Size(*photo.shape[:2]), self.side, self.overlap)
        if len(boxes) == 1:
            return whole
        panoptic, tiles = whole.to_panoptic(), self._tiles(photo, boxes)
        if panoptic.instances is None:
            return merge(panoptic, tiles)
        merger = InstanceMerger(panoptic.instances, limit=self.postprocess.max_instances)
        merged = merge(panoptic, merger.watching(tiles))
        return replace(merged, instances=merger.result())

    def _tiles(self, photo: Pixels, boxes: Sequence[Box]) -> Iterator[Tile]:
        """The result for each box of a photo; all boxes are of one size."""
        for start in range(0, len(boxes), self.batch_size):
            group = boxes[start : start + self.batch_size]
            parts = [photo[y1:y2, x1:x2] for x1, y1, x2, y2 in group]
            results = self.predictor.answer(self.predictor.prepare(parts))
            for box, result in zip(group, results, strict=True):
                yield Tile(box, result.to_panoptic())


def _check_task(task: Task) -> None:
    if task != "panoptic":
        raise ConfigError(f"Tiles are for the panoptic task; the one asked for is {task!r}.")


def tiled(predictor: Predictor, tiles: bool | int) -> Predictor:
    """``predictor`` itself if ``tiles`` is False, else in tiles of that side in pixels, or of the usual one if True.

    Raises:
        ConfigError: ``tiles`` is none of these, or :class:`TiledPredictor` raises it.
    """
    if type(tiles) not in (bool, int):
        raise ConfigError(f"tiles must be True, False or the side of a tile in pixels; got {tiles!r}.")
    if tiles is False:
        return predictor
    return TiledPredictor(predictor, side=None if tiles is True else tiles)


def tile_boxes(size: Size, side: int, overlap: float) -> list[Box]:
    """The boxes (x1, y1, x2, y2) of tiles, row by row, all of one size and evenly spread.

    Neighbours share at least ``overlap`` of a side.
    """
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
