"""One panoptic map from the results for a whole photo and for overlapping tiles of it.

The whole photo shows large objects and their surroundings, tiles show small objects (sliced inference: SAHI, arXiv
2202.06934; here with masks instead of boxes, and with stuff). "Most" means more than half. The rules:

1. Two tiles show the same thing if the class is the same and the masks' IoU exceeds 1/2 among the pixels that both
   tiles show. The things of a map are disjoint, so at most one can reach that (arXiv 1801.00868).
2. The view farthest from the inner edges of its tile represents the thing. If every view is cut, their union does,
   unless it is longer than two tiles: the whole photo shows anything that long. A cut view that no other tile confirms
   is left out: the neighbour shows more of the thing, and disagrees.
3. A thing of the whole photo is left out if uncut things of its class from tiles cover most of it. Otherwise it stays.
   It then replaces the tiles' things of its class that share with it most of their own pixels, or most of its pixels.
4. Pixels go to uncut things of tiles first, then to things of the whole photo, then to unions of cut views. Among
   tiles, the higher score goes first. A thing that loses half of its pixels is left out.
5. Stuff comes from the whole-photo pass, which sees the context it needs. Gaps are filled with the tiles' stuff, but
   only with classes that the whole photo has.

Areas and boxes are counted in the merged map. Scores are means over pixels.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..structures import Segment, ThingIds
from .bands import BAND_VALUES
from .regions import SCORE_DIGITS
from .results import PanopticResult
from .views import Box, View, agree, close_pairs, make_view, mean_score, represent, slices


class Tile(NamedTuple):
    """The result for the part of a photo in ``box`` (x1, y1, x2, y2)."""

    box: Box
    result: PanopticResult


def merge(whole: PanopticResult, tiles: Iterable[Tile]) -> PanopticResult:
    """The panoptic map of a photo.

    Tiles are consumed one at a time. The merge itself takes six bytes per pixel of the photo: four for the map, two for
    the tiles' stuff (four if there are more than 32,767 classes).

    Args:
        whole: The result for the whole photo.
        tiles: The results for its tiles, with boxes in pixels of the photo.
    """
    views: list[View] = []
    stuff = _TileStuff(whole)
    for tile in tiles:
        views += _views(tile, whole.shape)
        stuff.add(tile)
    things, standing = _contest(_join(views), whole)
    things.sort(key=lambda thing: -thing.segment.score)
    canvas = _Canvas(whole)
    for thing in things:
        if not thing.cut:
            canvas.paint(thing)
    canvas.lay_whole(standing)
    for thing in things:
        if thing.cut:
            canvas.paint(thing)
    return canvas.result(stuff)


def _views(tile: Tile, shape: tuple[int, int]) -> Iterator[View]:
    """The things of a tile of a photo of a ``shape`` (height, width)."""
    for segment in tile.result.segments:
        if segment.isthing:
            mask = tile.result.panoptic_seg[slices(segment.box)] == segment.id
            yield make_view(segment, mask, tile.box, shape)


def _join(views: Sequence[View]) -> list[View]:
    """One view of each thing (rules 1 and 2)."""
    if not views:
        return []
    pairs = [(i, j) for i, j in close_pairs(views) if agree(views[i], views[j])]
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(views),) * 2)
    groups = defaultdict(list)
    for view, group in zip(views, connected_components(graph, directed=False)[1].tolist(), strict=True):
        groups[group].append(view)
    found = (represent(group, rank=lambda view: view.margin) for group in groups.values())
    return [thing for thing in found if thing is not None]


def _contest(things: Sequence[View], whole: PanopticResult) -> tuple[list[View], set[int]]:
    """Rule 3: the tiles' things that remain, and the ids of the whole photo's things that stay."""
    large = {segment.id: segment for segment in whole.segments if segment.isthing}
    pieces: dict[int, list[int]] = {id_: [] for id_ in large}
    covered: Counter[int] = Counter()
    for index, thing in enumerate(things):
        box = thing.segment.box
        ids, counts = np.unique(whole.panoptic_seg[slices(box)][thing.mask(box)], return_counts=True)
        for id_, count in zip(ids.tolist(), counts.tolist(), strict=True):
            other = large.get(id_)
            if not other or other.label_id != thing.segment.label_id:
                continue
            if 2 * count > min(thing.segment.area, other.area):
                pieces[id_].append(index)
                covered[id_] += 0 if thing.cut else count
    standing = {id_ for id_, segment in large.items() if 2 * covered[id_] <= segment.area}
    gone = {index for id_ in standing for index in pieces[id_]}
    return [thing for index, thing in enumerate(things) if index not in gone], standing


class _TileStuff:
    """The tiles' stuff, of classes that the whole photo has.

    ``labels`` (height, width) holds the label that the first tile with stuff there gives, or void. ``segments`` are
    those of each label.
    """

    def __init__(self, whole: PanopticResult) -> None:
        self._void = whole.void_id
        self.segments: dict[int, list[Segment]] = {s.label_id: [] for s in whole.segments if not s.isthing}
        self.labels = np.full(whole.shape, self._void, np.int16 if self._void <= np.iinfo(np.int16).max else np.int32)

    def add(self, tile: Tile) -> None:
        """Add the stuff of a tile."""
        known = [segment for segment in tile.result.segments if segment.label_id in self.segments]
        labels = _lookup(tile.result, {segment.id: segment.label_id for segment in known}).astype(self.labels.dtype)
        region = self.labels[slices(tile.box)]
        np.copyto(region, labels[tile.result.panoptic_seg], where=region == self._void)
        for segment in known:
            self.segments[segment.label_id].append(segment)


class _Canvas:
    """The merged map while it is painted. It starts as void."""

    def __init__(self, whole: PanopticResult) -> None:
        self._whole = whole
        self._void = whole.void_id
        self._map = np.full(whole.shape, self._void, np.int32)
        self._things: list[Segment] = []
        self._ids = ThingIds(self._void)
        self._hidden: Counter[int] = Counter()  # lost pixels of the whole photo's segments, by id

    def paint(self, thing: View) -> None:
        """Give a thing its pixels that are still free, if that is most of them."""
        region, under = (x[slices(thing.segment.box)] for x in (self._map, self._whole.panoptic_seg))
        free = thing.mask(thing.segment.box) & (region <= self._void)  # ids of things exceed void's
        if 2 * np.count_nonzero(free) > thing.segment.area:
            region[free] = self._add(thing.segment)
            ids, counts = np.unique(under[free], return_counts=True)
            self._hidden.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))

    def lay_whole(self, standing: set[int]) -> None:
        """Fill free pixels with the whole photo's stuff, and its ``standing`` things that keep most of their pixels."""
        ids = {segment.id: segment.id for segment in self._whole.segments if not segment.isthing}
        for segment in self._whole.segments:
            if segment.id in standing and 2 * self._hidden[segment.id] < segment.area:
                ids[segment.id] = self._add(segment)
        lookup = _lookup(self._whole, ids)
        for rows in _bands(self._map):
            np.copyto(self._map[rows], lookup[self._whole.panoptic_seg[rows]], where=self._map[rows] == self._void)

    def result(self, tile_stuff: _TileStuff) -> PanopticResult:
        """Fill free pixels with the tiles' stuff, and count the segments."""
        filled = np.zeros(self._void + 1, np.int64)
        for rows in _bands(self._map):
            empty, labels = self._map[rows] == self._void, tile_stuff.labels[rows]
            filled += np.bincount(labels[empty], minlength=len(filled))
            np.copyto(self._map[rows], labels, where=empty)
        segments = [self._counted(thing, thing.box) for thing in self._things]
        everywhere = (0, 0, *self._map.shape[::-1])
        stuff = (self._counted(segment, everywhere) for segment in self._whole.segments if not segment.isthing)
        for segment in stuff:
            if segment.area:
                part = filled[segment.label_id] / segment.area
                there = mean_score(tile_stuff.segments[segment.label_id]) if part else 0.0
                score = round(float((1 - part) * segment.score + part * there), SCORE_DIGITS)
                segments.append(dataclasses.replace(segment, score=score))
        segments.sort(key=lambda segment: -segment.id)
        return dataclasses.replace(self._whole, panoptic_seg=self._map, segments=tuple(segments))

    def _add(self, thing: Segment) -> int:
        """Number one more thing, and return its id."""
        id_ = self._ids.add(thing.label_id)
        self._things.append(dataclasses.replace(thing, id=id_))
        return id_

    def _counted(self, segment: Segment, within: Box) -> Segment:
        """A segment with the area and box that it has in the map. All its pixels lie ``within`` a box."""
        mask = (self._map[slices(within)] == segment.id).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        box = (within[0] + x, within[1] + y, within[0] + x + width, within[1] + y + height)
        return dataclasses.replace(segment, area=cv2.countNonZero(mask), box=box)


def _lookup(result: PanopticResult, values: dict[int, int]) -> npt.NDArray[np.int32]:
    """An array from the ids of a result's map to ``values``, and to void for ids without a value."""
    lookup = np.full(max(int(result.panoptic_seg.max()), *values, 0) + 1, result.void_id, np.int32)
    lookup[list(values)] = list(values.values())
    return lookup


def _bands(array: npt.NDArray[Any]) -> Iterator[slice]:
    """The rows of an array (height, width), in bands that keep intermediate arrays small."""
    height, width = array.shape
    step = max(1, BAND_VALUES // width)
    return (slice(start, start + step) for start in range(0, height, step))
