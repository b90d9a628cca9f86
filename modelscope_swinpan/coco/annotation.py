"""One image and what is true of it: what every dataset gives, whether read from files or generated."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class SegmentInfo:
    """One true segment. ``label_id`` is the position in the dataset's categories, ``area`` its number of pixels.

    ``iscrowd`` marks a group of things that were not told apart: no mask to learn, and evaluation does not count it.
    """

    id: int
    label_id: int
    area: int
    box: tuple[int, int, int, int]
    iscrowd: bool = False


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """The panoptic truth of an image: ``segment_ids`` (H, W) int32, 0 for void, and the segments by rising id."""

    segment_ids: npt.NDArray[np.int32]
    segments: tuple[SegmentInfo, ...]


@dataclass(frozen=True, kw_only=True)
class Example(Annotation):
    """An annotation together with its image, (H, W, 3) RGB uint8."""

    image: npt.NDArray[np.uint8]


def annotate(segment_ids: npt.NDArray[np.int32], labels: Mapping[int, int], crowds: Collection[int] = ()) -> Annotation:
    """The annotation of a map (H, W), with areas and boxes as the pixels have them.

    ``labels`` gives the label of every id in the map but 0, perhaps of more; ``crowds`` the ids of crowds.
    """
    segments = []
    for id_ in sorted(labels):
        mask = (segment_ids == id_).view(np.uint8)
        if area := cv2.countNonZero(mask):
            x, y, width, height = cv2.boundingRect(mask)
            box = (x, y, x + width, y + height)
            segments.append(SegmentInfo(id=id_, label_id=labels[id_], area=area, box=box, iscrowd=id_ in crowds))
    return Annotation(segment_ids=segment_ids, segments=tuple(segments))
