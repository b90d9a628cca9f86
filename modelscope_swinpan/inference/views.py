"""Views: what a tile shows of an object, and which views are of one object.

A view is cut if its object comes near an inner edge of the tile, beyond which the photo goes on.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..structures import Segment
from .regions import SCORE_DIGITS

EDGE = 1 / 64  # how near to an inner edge a view is cut, as a part of the tile's longer side: about one mask value
SPAN = 2  # A union of cut views may be this many tiles long. The whole photo shows anything longer.
Box = tuple[int, int, int, int]  # (x1, y1, x2, y2) in pixels, right and bottom edges exclusive
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class View:
    """An object as the part of a photo at ``window`` shows it.

    ``segment``'s box is in pixels of the photo. ``bits`` are the box's pixels, eight of a row packed into a byte.
    ``margin`` is the distance in pixels from the nearest inner edge of the window.
    """

    segment: Segment
    window: Box
    margin: float
    cut: bool
    bits: npt.NDArray[np.uint8]

    def mask(self, region: Box) -> Mask:
        """The pixels of the part of the box that lies in ``region``."""
        rows, columns = slices(common(self.segment.box, region), self.segment.box[:2])
        first = columns.start // 8
        bits = np.unpackbits(self.bits[rows, first : -(-columns.stop // 8)], axis=1)
        return bits[:, columns.start - 8 * first : columns.stop - 8 * first].view(np.bool_)


def make_view(segment: Segment, mask: Mask, window: Box, shape: tuple[int, int]) -> View:
    """The view of an object in a photo of a ``shape`` (height, width).

    Args:
        segment: The object, with its box in pixels of the window.
        mask: Its pixels in that box.
        window: The part of the photo that was looked at.
        shape: Height and width of the photo.
    """
    left, top, right, bottom = window
    height, width = shape
    x1, y1, x2, y2 = segment.box
    box = (left + x1, top + y1, left + x2, top + y2)
    # The distance from each edge, and how much of the photo lies beyond it.
    edges = ((left, x1), (top, y1), (width - right, right - box[2]), (height - bottom, bottom - box[3]))
    margin = min((distance for beyond, distance in edges if beyond), default=np.inf)
    cut = bool(margin < EDGE * max(right - left, bottom - top))
    return View(dataclasses.replace(segment, box=box), window, margin, cut, np.packbits(mask, axis=1))


def close_pairs(views: Sequence[View]) -> Iterator[tuple[int, int]]:
    """Positions i < j of views of one class, in different windows, whose boxes overlap."""
    boxes = np.array([view.segment.box for view in views]).reshape(-1, 4)
    windows = np.array([view.window for view in views]).reshape(-1, 4)
    labels = np.array([view.segment.label_id for view in views])
    for j in range(1, len(views)):
        meet = (boxes[:j, :2] < boxes[j, 2:]).all(1) & (boxes[j, :2] < boxes[:j, 2:]).all(1)
        meet &= (labels[:j] == labels[j]) & (windows[:j] != windows[j]).any(1)
        yield from ((i, j) for i in np.flatnonzero(meet).tolist())


def agree(first: View, second: View, *, everywhere: bool = False) -> bool:
    """Whether two views' masks have an IoU over 1/2, among the pixels that both windows show or ``everywhere``."""
    both = common(first.segment.box, second.segment.box)
    shared = np.count_nonzero(first.mask(both) & second.mask(both))
    if everywhere:
        either = first.segment.area + second.segment.area - shared
    else:
        seen = common(first.window, second.window)
        either = np.count_nonzero(first.mask(seen)) + np.count_nonzero(second.mask(seen)) - shared
    return bool(2 * shared > either)


def represent(views: Sequence[View], rank: Callable[[View], float]) -> View | None:
    """One view in place of those of one object, or None if they show too little of it.

    The uncut view of the highest rank; if all are cut, their union. A single cut view shows too little: the neighbour
    shows more of the object, and disagrees. So does a union longer than :data:`SPAN` tiles.
    """
    best = max(views, key=lambda view: (not view.cut, rank(view)))
    if not best.cut:
        return best
    corners = np.array([view.segment.box for view in views])
    x1, y1, x2, y2 = box = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
    left, top, right, bottom = best.window
    if len(views) == 1 or max(x2 - x1, y2 - y1) > SPAN * max(right - left, bottom - top):
        return None
    mask = np.zeros((y2 - y1, x2 - x1), np.bool_)
    for view in views:
        mask[slices(view.segment.box, (x1, y1))] |= view.mask(box)
    score = mean_score([view.segment for view in views])
    segment = dataclasses.replace(best.segment, box=box, area=int(mask.sum()), score=score)
    return dataclasses.replace(best, segment=segment, window=box, bits=np.packbits(mask, axis=1))


def mean_score(segments: Sequence[Segment]) -> float:
    """The mean score of the segments' pixels."""
    score = np.average([segment.score for segment in segments], weights=[segment.area for segment in segments])
    return round(float(score), SCORE_DIGITS)


def common(first: Box, second: Box) -> Box:
    """Where two boxes overlap; a box of no pixels if they do not."""
    x1, y1, x2, y2 = (*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:]))
    return x1, y1, max(x1, x2), max(y1, y2)


def slices(box: Box, origin: tuple[int, ...] = (0, 0)) -> tuple[slice, slice]:
    """Rows and columns of a box in an array whose first pixel lies at ``origin`` (x, y)."""
    x1, y1, x2, y2 = box
    x, y = origin
    return slice(y1 - y, y2 - y), slice(x1 - x, x2 - x)
