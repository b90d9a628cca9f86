"""The ground truth of one image, the common form of all datasets: those read from files and those generated."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

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
    segments = [
        SegmentInfo(id=id_, label_id=labels[id_], area=area, box=(x1, y1, x2, y2), iscrowd=id_ in crowds)
        for id_, area, x1, y1, x2, y2 in _measure(segment_ids)
        if id_ in labels
    ]
    return Annotation(segment_ids=segment_ids, segments=tuple(segments))


def _measure(ids: npt.NDArray[np.int32]) -> list[list[int]]:
    """Id, area and box (x1, y1, x2, y2) of each segment in a map (H, W), in order of id.

    They are made of the runs of pixels in each row, so that any number of segments takes the same time.
    """
    begins = np.ones(ids.shape, np.bool_)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    values = ids.reshape(-1)[starts]
    order = np.argsort(values, kind="stable")
    values, lengths = values[order], np.diff(starts, append=ids.size)[order]
    rows, lefts = np.divmod(starts[order], ids.shape[1])
    changes = values[1:] != values[:-1]
    firsts, lasts = np.flatnonzero(np.append(True, changes)), np.flatnonzero(np.append(changes, True))
    left, right = np.minimum.reduceat(lefts, firsts), np.maximum.reduceat(lefts + lengths, firsts)
    areas = np.add.reduceat(lengths, firsts)
    measures: list[list[int]] = np.stack(
        [values[firsts], areas, left, rows[firsts], right, rows[lasts] + 1], axis=1
    ).tolist()
    return measures
