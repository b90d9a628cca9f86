"""The ground truth of one image, the common form of all datasets: those read from files and those generated."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .remarks import Remark


@dataclass(frozen=True, kw_only=True)
class SegmentInfo:
    """One true segment.

    ``label_id`` is the index of its class in the dataset's categories, ``area`` its number of pixels. ``box`` is
    ``(x1, y1, x2, y2)`` in pixels, right and bottom edges exclusive. ``iscrowd`` marks a group of things that the
    annotators did not separate: training gives it no mask, and evaluation ignores it.
    """

    id: int
    label_id: int
    area: int
    box: tuple[int, int, int, int]
    iscrowd: bool = False


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """The panoptic truth of an image: ``segment_ids`` (H, W) int32 with 0 for void, and its segments in order of id.

    ``remarks`` tell what was odd about it in the dataset.
    """

    segment_ids: npt.NDArray[np.int32]
    segments: tuple[SegmentInfo, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Example(Annotation):
    """An annotation together with its image, (H, W, 3) RGB uint8."""

    image: npt.NDArray[np.uint8]


def annotate(segment_ids: npt.NDArray[np.int32], labels: Mapping[int, int], crowds: Collection[int] = ()) -> Annotation:
    """Measure the area and box of every segment in a map.

    Args:
        segment_ids: The map (H, W), 0 for void.
        labels: The label of every id in the map but 0. Ids that have no pixel are left out.
        crowds: The ids of crowds.
    """
    segments = []
    for id_ in sorted(labels):
        mask = (segment_ids == id_).view(np.uint8)
        if area := cv2.countNonZero(mask):
            x, y, width, height = cv2.boundingRect(mask)
            box = (x, y, x + width, y + height)
            segments.append(SegmentInfo(id=id_, label_id=labels[id_], area=area, box=box, iscrowd=id_ in crowds))
    return Annotation(segment_ids=segment_ids, segments=tuple(segments))
