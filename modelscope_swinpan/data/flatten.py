"""The rule that turns overlapping shapes into one panoptic map, in which every pixel has one owner.

Shapes are painted one over the other. Crowds come first, then semantic maps, then stuff, then things; among things, and
among stuff, the larger come before the smaller, so that a rider stays on the horse. With the rule ``order``, stuff and
things are painted as the annotations list them, the last on top.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..coco.annotation import Annotation, annotate
from ..structures import Size
from .drawn import IN_FRONT, Photo, Shape
from .masks import Rle, area, bitmap, decode
from .report import COVERED, NO_PIXELS, OVERLAP, RECTANGLES, UNKNOWN_CLASS, Dropped, Report

Overlap = Literal["small", "order"]
"""Which of two shapes owns the pixels that they share: the smaller, or the one that is listed later."""
RULES: tuple[Overlap, ...] = get_args(Overlap)


@dataclass(frozen=True)
class _Drawn:
    shape: Shape
    label: int
    isthing: bool
    rle: Rle
    area: int


def flatten(photo: Photo, size: Size, categories: Sequence[Category], rule: Overlap, report: Report) -> Annotation:
    """The panoptic map of a photo. Shapes that leave no pixel are dropped, and overlaps noted, in ``report``.

    Raises:
        DatasetError: what the file says of a shape has no meaning.
    """
    labels = {category.name: label for label, category in enumerate(categories)}
    drawn = [one for shape in photo.shapes(size) for one in _drawn(shape, size, categories, labels, report)]
    if rectangles := sum(one.shape.rectangle for one in drawn):
        report.note(RECTANGLES, photo.where, f"{rectangles} of {len(drawn)} shapes")
    if rule == "small":
        order = sorted(drawn, key=lambda one: (not one.shape.crowd, one.shape.layer, one.isthing, -one.area))
    else:
        order = sorted(drawn, key=lambda one: (not one.shape.crowd, one.shape.layer))
    ids = _ids(drawn)
    canvas, owners = _paint(order, ids, size, photo.where, report)
    visible = set(np.unique(canvas).tolist())
    for number, one in enumerate(order, start=1):
        if number not in visible:
            report.drop(one.shape.where, Dropped(COVERED, one.shape.label))
    painted: npt.NDArray[np.int32] = owners[canvas]
    crowds = {ids[id(one)] for one in drawn if one.shape.crowd}
    return annotate(painted, {ids[id(one)]: one.label for one in drawn}, crowds)


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
    parts = _parts(rle) if shape.scattered and isthing else [rle]
    return [_Drawn(shape, label, isthing, part, area(part)) for part in parts]


def _parts(rle: Rle) -> list[Rle]:
    """The connected parts of a mask; pixels that touch at a corner are connected."""
    count, numbers = cv2.connectedComponents(decode(rle).view(np.uint8), connectivity=8)
    return [bitmap(numbers == number) for number in range(1, count)]


def _ids(drawn: Sequence[_Drawn]) -> dict[int, int]:
    """The segment of each shape, counted from 1. Stuff has one a class, and a thing's parts share theirs."""
    segments: dict[Hashable, int] = {}
    ids = {}
    for one in drawn:
        key: Hashable
        if not one.isthing and not one.shape.crowd:
            key = ("stuff", one.label)
        elif one.shape.group is None:
            key = ("shape", id(one))
        else:
            key = ("group", one.label, one.shape.crowd, one.shape.group)
        ids[id(one)] = segments.setdefault(key, len(segments) + 1)
    return ids


def _paint(
    order: Sequence[_Drawn], ids: Mapping[int, int], size: Size, where: str, report: Report
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The map of shapes, numbered from 1 in ``order``, and the segment of each number."""
    canvas = np.zeros(size, np.int32)
    owners = np.array([0, *(ids[id(one)] for one in order)], np.int32)
    counted = np.array([False, *(not one.shape.crowd and one.shape.layer == IN_FRONT for one in order)])
    most, example, shared, involved = 0, "", 0, set()
    for number, one in enumerate(order, start=1):
        mask = decode(one.rle)
        if counted[number]:
            below, pixels = np.unique(canvas[mask], return_counts=True)
            for other, count in zip(below.tolist(), pixels.tolist(), strict=True):
                if counted[other] and owners[other] != owners[number]:
                    shared += count
                    involved |= {other, number}
                    if count > most:
                        most, example = count, f"{one.shape.where} over {order[other - 1].shape.where}"
        canvas[mask] = number
    if shared:
        detail = f"{len(involved)} shapes share {shared} pixels; the most, {most}, {example}"
        report.note(OVERLAP, where, detail)
    return canvas, owners
