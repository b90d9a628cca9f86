"""The instances of a photo from those of the whole photo and of overlapping tiles.

The rule is that of :func:`.fusion.instances`: the best by score, which may overlap. Views of one object count once:

1. Two views in different windows show the same object if the class is the same and the masks' IoU exceeds 1/2 among
   the pixels that both windows show. An uncut view of a tile claims to show all of its object. It is compared with the
   whole photo's views everywhere, not only in the tile.
2. Views with high scores are grouped first. An object has at most one view in each window: what one window shows as
   two objects stays two.
3. The uncut view with the highest score represents the object; the whole photo's views are all uncut. If every view is
   cut, their union does, unless it is longer than two tiles. A cut view that nothing confirms is left out: the
   neighbour shows more of the object, and disagrees. (Margins do not decide here, as they do in :mod:`.merging`:
   evaluation sets no threshold, so a doubtful view must not replace a sure one.)
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .merging import Tile
from .results import InstanceResult
from .views import Box, View, agree, close_pairs, make_view, represent, slices

CANDIDATES = 8
"""How many views from tiles are compared for each instance that is asked for: the best by score of all tiles."""


class InstanceMerger:
    """The ``limit`` best instances of a photo, from those of the whole photo and of its tiles, one tile after another.

    Masks are kept packed, a bit per pixel of their boxes, until the end.
    """

    def __init__(self, whole: InstanceResult, *, limit: int) -> None:
        """Begin with the instances of the whole photo; ``limit`` is ``PostprocessConfig.max_instances``."""
        self._whole, self._limit = whole, limit
        self._found: list[View] = []

    def watching(self, tiles: Iterable[Tile]) -> Iterator[Tile]:
        """The same tiles, whose instances are taken in on their way."""
        for tile in tiles:
            if tile.result.instances is not None:
                self.add(tile.box, tile.result.instances)
            yield tile

    def add(self, window: Box, result: InstanceResult) -> None:
        """Take in the instances of the tile at ``window``, (x1, y1, x2, y2) in pixels of the photo."""
        height, width = self._whole.shape
        if window == (0, 0, width, height):  # a tile as large as the photo shows nothing new
            return
        self._found += _views(result, window, self._whole.shape)
        self._found.sort(key=_by_score)
        del self._found[CANDIDATES * self._limit :]

    def result(self) -> InstanceResult:
        """The best instances, by falling score, with ids from 1; the whole photo's own if no tile shows any."""
        if not self._found:
            return self._whole
        height, width = self._whole.shape
        photo = (0, 0, width, height)
        views = sorted((*_views(self._whole, photo, self._whole.shape), *self._found), key=_by_score)
        objects = [represent(group, rank=lambda view: view.segment.score) for group in _groups(views, photo)]
        best = sorted((view for view in objects if view is not None), key=_by_score)[: self._limit]
        masks = np.zeros((len(best), height, width), np.bool_)
        for mask, view in zip(masks, best, strict=True):
            mask[slices(view.segment.box)] = view.mask(view.segment.box)
        segments = tuple(dataclasses.replace(view.segment, id=number) for number, view in enumerate(best, start=1))
        return dataclasses.replace(self._whole, masks=masks, segments=segments)


def _by_score(view: View) -> float:
    return -view.segment.score


def _views(result: InstanceResult, window: Box, shape: tuple[int, int]) -> Iterator[View]:
    """The instances that a part of a photo of a ``shape`` (height, width) shows."""
    for segment in result.segments:
        if segment.area:
            yield make_view(segment, result.mask(segment)[slices(segment.box)], window, shape)


def _groups(views: Sequence[View], photo: Box) -> Iterable[Sequence[View]]:
    """Views by falling score, grouped by object (rules 1 and 2)."""
    group_of = [{view.window: view} for view in views]
    for i, j in sorted(close_pairs(views)):
        first, second = group_of[i], group_of[j]
        everywhere = photo in (views[i].window, views[j].window) and not (views[i].cut or views[j].cut)
        if first.keys().isdisjoint(second) and agree(views[i], views[j], everywhere=everywhere):
            first.update(second)
            group_of = [first if group is second else group for group in group_of]
    return [list(group.values()) for group in {id(group): group for group in group_of}.values()]
