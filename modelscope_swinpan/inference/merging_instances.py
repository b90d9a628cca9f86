"""The instances of a photo from those of the whole photo and of overlapping tiles.

The rule is that of :func:`.fusion.instances`: the best by score, which may overlap. Views of one object count once:

1. Two views in different windows show the same object if the class is the same and the masks' IoU exceeds 1/2 among
   the pixels that both windows show. An uncut view of a tile claims to show all of its object. It is compared with the
   whole photo's views everywhere, not only in the tile.
2. The best views find their partners first. An object has at most one view in each window, so what one window shows as
   two stays two.
3. The uncut tile view farthest from its tile's inner edges represents the object. If there is none, the whole photo's
   view does; if there is none either, the union of the cut views, unless it is longer than two tiles. A cut view that
   nothing confirms is left out: the neighbour shows more of the object, and disagrees.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .results import InstanceResult
from .views import Box, View, agree, close_pairs, make_view, slices, unite

CANDIDATES = 8
"""How many views from tiles are compared for each instance that is asked for: the best by score of all tiles."""


def merge_instances(
    whole: InstanceResult, tiles: Iterable[tuple[Box, InstanceResult]], *, limit: int
) -> InstanceResult:
    """The ``limit`` best instances of a photo, by falling score, with ids from 1.

    Tiles are consumed one at a time. Masks are kept packed, a bit per pixel of their boxes, until the end. Without
    instances from tiles, ``whole`` itself is returned.

    Args:
        whole: The instances of the whole photo.
        tiles: The instances of its tiles, each with the tile's box (x1, y1, x2, y2) in pixels of the photo.
        limit: The most instances to return: ``PostprocessConfig.max_instances``.
    """
    found: list[View] = []
    for window, result in tiles:
        found += _views(result, window, whole.shape)
        found.sort(key=_by_score)
        del found[CANDIDATES * limit :]
    if not found:
        return whole
    height, width = whole.shape
    # The whole photo has no inner edge. A margin of 0 ranks its views behind uncut views of tiles.
    large = [dataclasses.replace(view, margin=0.0) for view in _views(whole, (0, 0, width, height), whole.shape)]
    objects = [unite(group) for group in _groups(sorted((*large, *found), key=_by_score), (0, 0, width, height))]
    best = sorted((view for view in objects if view is not None), key=_by_score)[:limit]
    masks = np.zeros((len(best), height, width), np.bool_)
    for mask, view in zip(masks, best, strict=True):
        mask[slices(view.segment.box)] = view.mask(view.segment.box)
    segments = tuple(dataclasses.replace(view.segment, id=number) for number, view in enumerate(best, start=1))
    return dataclasses.replace(whole, masks=masks, segments=segments)


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
