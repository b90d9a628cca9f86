"""One panoptic map from that of a whole photo and those of overlapping tiles of it.

The whole photo knows what is large and what surrounds it, tiles know what is small (sliced inference: SAHI, arXiv
2202.06934; here with masks in place of boxes, and stuff). "Most" means over half throughout:

1. Things of one class in two tiles are one where their IoU, among the pixels that both tiles see, exceeds 1/2: of the
   disjoint things of a map at most one can reach that (arXiv 1801.00868). The view that lies farthest from its tile's
   inner edges stands for it; where these cut all views, their union does, unless it spans more than two tiles: what is
   so large shows from afar. What one tile alone sees, cut by its edge, is left out: its neighbour sees more of it, and
   something else.
2. A thing of the whole photo gives way where uncut things of its class in tiles cover most of it. Otherwise it stays,
   and the things of its class in tiles that share most of either with it are pieces of it.
3. Pixels go to uncut things of tiles, by score, then to the whole photo's things, then to cut ones. What loses half of
   its own is left out.
4. Stuff is the whole photo's. Where that has neither stuff nor a thing that stayed, it is the tiles', if of a class
   that the whole photo has: what stuff there is shows from afar.

Every area and box is counted in the map that results; scores are means over pixels.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..structures import INSTANCE_OFFSET, Segment
from .bands import BAND_VALUES
from .regions import SCORE_DIGITS
from .results import PanopticResult

EDGE = 1 / 64
"""A thing is cut where it comes this near to an inner edge of its tile, in parts of the tile: one value of a mask."""

SPAN = 2
"""The most tiles' sides that a thing may span without a view that shows all of it."""

Box = tuple[int, int, int, int]
Mask = npt.NDArray[np.bool_]


class Tile(NamedTuple):
    """The result for a part of a photo, and the ``box`` (x1, y1, x2, y2) where that part lies."""

    box: Box
    result: PanopticResult


def merge(whole: PanopticResult, tiles: Iterable[Tile]) -> PanopticResult:
    """The map of a photo from the result for all of it and those for its tiles, which are taken one after another.

    Beyond one tile, it needs six bytes for every pixel of the photo, for the map and the tiles' stuff.
    """
    views: list[_View] = []
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


@dataclass(frozen=True, eq=False)
class _View:
    """What the tile at ``window`` shows of a thing.

    The ``segment``'s box is in pixels of the photo, ``bits`` are the box's pixels, packed. ``margin`` is the least
    distance from the tile's inner edges, in pixels.
    """

    segment: Segment
    window: Box
    margin: float
    cut: bool
    bits: npt.NDArray[np.uint8]

    def mask(self, region: Box) -> Mask:
        """Its pixels in the part of ``region`` that lies in its box."""
        x1, y1, x2, y2 = self.segment.box
        whole = np.unpackbits(self.bits, count=(y2 - y1) * (x2 - x1)).reshape(y2 - y1, x2 - x1).view(np.bool_)
        return whole[_slices(_common(self.segment.box, region), (x1, y1))]


def _views(tile: Tile, shape: tuple[int, int]) -> Iterator[_View]:
    """The things of a tile of a photo of some height and width."""
    left, top, right, bottom = tile.box
    height, width = shape
    for segment in tile.result.segments:
        if not segment.isthing:
            continue
        mask = tile.result.panoptic_seg[_slices(segment.box)] == segment.id
        x1, y1, x2, y2 = segment.box
        box = (left + x1, top + y1, left + x2, top + y2)
        # No edge of the photo is an inner one.
        distances = ((left, x1), (top, y1), (width - right, right - box[2]), (height - bottom, bottom - box[3]))
        margin = min((distance for beyond, distance in distances if beyond), default=np.inf)
        cut = bool(margin < EDGE * max(right - left, bottom - top))
        yield _View(dataclasses.replace(segment, box=box), tile.box, margin, cut, np.packbits(mask))


def _join(views: Sequence[_View]) -> list[_View]:
    """One view of every thing."""
    if not views:
        return []
    boxes = np.array([view.segment.box for view in views])
    windows = np.array([view.window for view in views])
    labels = np.array([view.segment.label_id for view in views])
    pairs = []
    for i in range(1, len(views)):
        meet = (boxes[:i, :2] < boxes[i, 2:]).all(1) & (boxes[i, :2] < boxes[:i, 2:]).all(1)
        meet &= (labels[:i] == labels[i]) & (windows[:i] != windows[i]).any(1)
        pairs += [(i, j) for j in np.flatnonzero(meet).tolist() if _agree(views[i], views[j])]
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(views),) * 2)
    groups = defaultdict(list)
    for view, group in zip(views, connected_components(graph, directed=False)[1].tolist(), strict=True):
        groups[group].append(view)
    found = (_one(group) for group in groups.values() if len(group) > 1 or not group[0].cut)
    return [thing for thing in found if thing is not None]


def _agree(first: _View, second: _View) -> bool:
    """Whether most of two things is the same, among the pixels that both tiles see."""
    seen = _common(first.window, second.window)
    both = _common(first.segment.box, second.segment.box)
    shared = np.count_nonzero(first.mask(both) & second.mask(both))
    either = np.count_nonzero(first.mask(seen)) + np.count_nonzero(second.mask(seen)) - shared
    return bool(2 * shared > either)


def _one(views: Sequence[_View]) -> _View | None:
    """The best view of one thing, or the union of those that are all cut; none where that is too large."""
    best = max(views, key=lambda view: view.margin)
    if not best.cut:
        return best
    corners = np.array([view.segment.box for view in views])
    x1, y1, x2, y2 = box = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
    left, top, right, bottom = best.window
    if max(x2 - x1, y2 - y1) > SPAN * max(right - left, bottom - top):
        return None
    mask = np.zeros((y2 - y1, x2 - x1), np.bool_)
    for view in views:
        mask[_slices(view.segment.box, (x1, y1))] |= view.mask(box)
    score = _mean_score([view.segment for view in views])
    segment = dataclasses.replace(best.segment, box=box, area=int(mask.sum()), score=score)
    return dataclasses.replace(best, segment=segment, window=box, bits=np.packbits(mask))


def _contest(things: Sequence[_View], whole: PanopticResult) -> tuple[list[_View], set[int]]:
    """The things of tiles that are no pieces of larger ones, and the ids of the whole photo's that do not give way."""
    large = {segment.id: segment for segment in whole.segments if segment.isthing}
    pieces: dict[int, list[int]] = {id_: [] for id_ in large}
    covered: Counter[int] = Counter()
    for index, thing in enumerate(things):
        box = thing.segment.box
        ids, counts = np.unique(whole.panoptic_seg[_slices(box)][thing.mask(box)], return_counts=True)
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
    """What tiles say about the stuff that the whole photo has.

    ``labels`` (height, width) are those of the first tile that knows, void where none does.
    """

    def __init__(self, whole: PanopticResult) -> None:
        self._void = whole.void_id
        self._segments: dict[int, list[Segment]] = {s.label_id: [] for s in whole.segments if not s.isthing}
        self.labels = np.full(whole.shape, self._void, np.int16)

    def add(self, tile: Tile) -> None:
        """Take in one tile."""
        known = [segment for segment in tile.result.segments if segment.label_id in self._segments]
        labels = _lookup(tile.result, {segment.id: segment.label_id for segment in known}).astype(np.int16)
        region = self.labels[_slices(tile.box)]
        np.copyto(region, labels[tile.result.panoptic_seg], where=region == self._void)
        for segment in known:
            self._segments[segment.label_id].append(segment)

    def score(self, label: int) -> float:
        """The mean score of a label that a tile has."""
        return _mean_score(self._segments[label])


class _Canvas:
    """The map in the making, of the form of ``whole`` and void at first."""

    def __init__(self, whole: PanopticResult) -> None:
        self._whole = whole
        self._void = whole.void_id
        self._map = np.full(whole.shape, self._void, np.int32)
        self._things: list[Segment] = []
        self._hidden: Counter[int] = Counter()  # pixels of the whole photo's segments, by id

    def paint(self, thing: _View) -> None:
        """Give a thing those of its pixels that no thing has, if that is most of them."""
        region, under = (x[_slices(thing.segment.box)] for x in (self._map, self._whole.panoptic_seg))
        free = thing.mask(thing.segment.box) & (region < INSTANCE_OFFSET)
        if 2 * np.count_nonzero(free) > thing.segment.area:
            region[free] = self._add(thing.segment)
            ids, counts = np.unique(under[free], return_counts=True)
            self._hidden.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))

    def lay_whole(self, standing: set[int]) -> None:
        """Put the whole photo's stuff, and of its things those ``standing`` that are not hidden, where nothing is."""
        ids = {segment.id: segment.id for segment in self._whole.segments if not segment.isthing}
        for segment in self._whole.segments:
            if segment.id in standing and 2 * self._hidden[segment.id] < segment.area:
                ids[segment.id] = self._add(segment)
        lookup = _lookup(self._whole, ids)
        for rows in _bands(self._map):
            np.copyto(self._map[rows], lookup[self._whole.panoptic_seg[rows]], where=self._map[rows] == self._void)

    def result(self, tile_stuff: _TileStuff) -> PanopticResult:
        """The map with the tiles' stuff where nothing is, and its segments."""
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
                there = tile_stuff.score(segment.label_id) if part else 0.0
                score = round(float((1 - part) * segment.score + part * there), SCORE_DIGITS)
                segments.append(dataclasses.replace(segment, score=score))
        segments.sort(key=lambda segment: -segment.id)
        return dataclasses.replace(self._whole, panoptic_seg=self._map, segments=tuple(segments))

    def _add(self, thing: Segment) -> int:
        """The id of one more thing."""
        id_ = thing.label_id + INSTANCE_OFFSET * (len(self._things) + 1)
        self._things.append(dataclasses.replace(thing, id=id_))
        return id_

    def _counted(self, segment: Segment, within: Box) -> Segment:
        """A segment with area and box as the map has them; it lies ``within`` a box."""
        mask = (self._map[_slices(within)] == segment.id).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        box = (within[0] + x, within[1] + y, within[0] + x + width, within[1] + y + height)
        return dataclasses.replace(segment, area=cv2.countNonZero(mask), box=box)


def _mean_score(segments: Sequence[Segment]) -> float:
    """The mean score of the pixels of some segments."""
    score = np.average([segment.score for segment in segments], weights=[segment.area for segment in segments])
    return round(float(score), SCORE_DIGITS)


def _lookup(result: PanopticResult, values: dict[int, int]) -> npt.NDArray[np.int32]:
    """An array that gives the value of every id in a result's map: void's where ``values`` has none."""
    lookup = np.full(max(int(result.panoptic_seg.max()), *values, 0) + 1, result.void_id, np.int32)
    lookup[list(values)] = list(values.values())
    return lookup


def _bands(array: npt.NDArray[Any]) -> Iterator[slice]:
    """The rows of an array (height, width), some at a time, so that what is computed of them stays small."""
    height, width = array.shape
    step = max(1, BAND_VALUES // width)
    return (slice(start, start + step) for start in range(0, height, step))


def _common(first: Box, second: Box) -> Box:
    """Where two boxes overlap; one of no pixels where they do not."""
    x1, y1, x2, y2 = (*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:]))
    return x1, y1, max(x1, x2), max(y1, y2)


def _slices(box: Box, origin: tuple[int, int] = (0, 0)) -> tuple[slice, slice]:
    """Rows and columns of a box in an array whose corner lies at ``origin`` (x, y)."""
    x1, y1, x2, y2 = box
    x, y = origin
    return slice(y1 - y, y2 - y), slice(x1 - x, x2 - x)
