"""The rule that turns overlapping shapes into one panoptic map, in which every pixel has one owner.

Shapes are painted one over the other. Crowds come first, then semantic maps, then stuff, then things; among things, and
among stuff, the larger come before the smaller, so that a rider stays on the horse. With the rule ``order``, stuff and
things are painted as the annotations list them, the last on top.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..coco.annotation import Annotation, annotate
from ..structures import Size
from ..words import number_of
from .drawn import IN_FRONT, Photo, Shape
from .masks import Rle, area, bitmap, box_of, decode
from .report import COVERED, NO_PIXELS, OVERLAP, RECTANGLES, UNKNOWN_CLASS, Dropped, Report

Overlap = Literal["small", "order"]
"""Which of two shapes owns the pixels that they share: the smaller, or the one that is listed later."""
SLIGHT = 0.05
"""An overlap of up to this share of the smaller shape is not reported: outlines that touch share some pixels."""


@dataclass(frozen=True)
class _Drawn:
    """A shape, and the code of its mask, whose corner lies at ``left`` and ``top`` of the photo."""

    shape: Shape
    label: int
    isthing: bool
    rle: Rle
    area: int
    left: int = 0
    top: int = 0

    @property
    def segment(self) -> Hashable:
        """The same for all shapes of a segment: stuff has one segment per class, and a thing's parts share theirs."""
        if not self.isthing and not self.shape.crowd:
            return "stuff", self.label
        if self.shape.group is None:
            return "shape", id(self)
        return "group", self.label, self.shape.crowd, self.shape.group


def flatten(photo: Photo, size: Size, categories: Sequence[Category], rule: Overlap, report: Report) -> Annotation:
    """The panoptic map of a photo. Shapes that leave no pixel are dropped, and overlaps noted, in ``report``.

    Raises:
        DatasetError: what the file says of a shape has no meaning.
    """
    labels = {category.name: label for label, category in enumerate(categories)}
    drawn = [one for shape in photo.shapes(size) for one in _drawn(shape, size, categories, labels, report)]
    if rectangles := sum(one.shape.rectangle for one in drawn):
        report.note(RECTANGLES, photo.where, f"{rectangles} of {len(drawn)} shapes")
    order = sorted(drawn, key=lambda one: (one.isthing, -one.area)) if rule == "small" else drawn
    order = sorted(order, key=lambda one: (not one.shape.crowd, one.shape.layer))
    ids = {segment: number for number, segment in enumerate(dict.fromkeys(one.segment for one in drawn), start=1)}
    canvas, owners = _paint(order, ids, size, photo.where, report)
    visible = set(np.unique(canvas).tolist())
    for number, one in enumerate(order, start=1):
        if number not in visible:
            report.drop(one.shape.where, Dropped(COVERED, one.shape.label))
    painted: npt.NDArray[np.int32] = owners[canvas]
    crowds = {ids[one.segment] for one in drawn if one.shape.crowd}
    return annotate(painted, {ids[one.segment]: one.label for one in drawn}, crowds)


def _drawn(
    shape: Shape, size: Size, categories: Sequence[Category], labels: Mapping[str, int], report: Report
) -> list[_Drawn]:
    """A shape with its mask, or the parts of one that is scattered; nothing if it is dropped."""
    try:
        if shape.label not in labels:
            raise Dropped(UNKNOWN_CLASS, shape.label.strip()[:80] or "it has none")
        rle = shape.outline(size)
        if not area(rle):
            raise Dropped(NO_PIXELS, shape.label)
    except Dropped as dropped:
        report.drop(shape.where, dropped)
        return []
    label = labels[shape.label]
    isthing = categories[label].isthing
    if not (shape.scattered and isthing):
        return [_Drawn(shape, label, isthing, rle, area(rle))]
    mask = decode(rle).view(np.uint8)
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)  # also by corners
    parts = (
        (bitmap(numbers[y : y + height, x : x + width] == number), pixels, x, y)
        for number, (x, y, width, height, pixels) in enumerate(boxes.tolist())
        if number
    )
    return [_Drawn(shape, label, isthing, *part) for part in parts]


def _paint(
    order: Sequence[_Drawn], ids: Mapping[Hashable, int], size: Size, where: str, report: Report
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The map of shapes, numbered from 1 in ``order``, and the segment of each number."""
    canvas = np.zeros(size, np.int32)
    owners = np.array([0, *(ids[one.segment] for one in order)], np.int32)
    counted = np.array([False, *(not one.shape.crowd and one.shape.layer == IN_FRONT for one in order)])
    most, example, shared, involved = 0, "", 0, set()
    for number, one in enumerate(order, start=1):
        x, y, width, height = box_of(one.rle)
        mask = decode(one.rle)[y : y + height, x : x + width]
        there = canvas[one.top :, one.left :][y : y + height, x : x + width]
        if counted[number]:
            below, pixels = np.unique(there[mask], return_counts=True)
            for other, count in zip(below.tolist(), pixels.tolist(), strict=True):
                if not counted[other] or owners[other] == owners[number]:
                    continue
                if count > SLIGHT * min(one.area, order[other - 1].area):
                    shared += count
                    involved |= {other, number}
                    if count > most:
                        most, example = count, f"{one.shape.where} over {order[other - 1].shape.where}"
        there[mask] = number
    if shared:
        detail = (
            f"{len(involved)} shapes share {number_of(shared, 'pixel')}, each more than {SLIGHT:.0%} of the smaller"
        )
        report.note(OVERLAP, where, f"{detail}; the most, {most}, {example}")
    return canvas, owners
