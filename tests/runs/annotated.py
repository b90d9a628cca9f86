"""A result for the formats of annotation tools: stuff with a hole, a thing in two parts, one of a single pixel."""

import json
from pathlib import Path

import numpy as np

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.inference.regions import make_segment
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.runs.inputs import Item
from modelscope_swinpan.runs.registry import make_sink

VOID, SKY, CAT, PERSON = 133, 119, 1015, 2000
LABELS = {SKY: 119, CAT: 15, PERSON: 0}
SCORES = {SKY: 0.75, CAT: 0.5, PERSON: 0.25}


def result():
    """(96, 128): a sky with a hole of void and a person in it, and a cat behind a pole."""
    y, x = np.mgrid[:96, :128]
    ids = np.full((96, 128), VOID, np.int32)
    ids[:50] = SKY
    ids[(x - 40) ** 2 + (y - 24) ** 2 < 12**2] = VOID
    ids[24, 40] = PERSON
    cat = ((x - 80) / 36) ** 2 + ((y - 66) / 20) ** 2 < 1
    ids[cat & (abs(x - 84) > 3)] = CAT
    found = annotate(ids, LABELS).segments
    segments = tuple(
        make_segment(info.id, info.label_id, COCO_PANOPTIC, info.area, info.box, SCORES[info.id]) for info in found
    )
    return PanopticResult(ids, segments, VOID)


def item(index, name="some/cat.jpg", source=None):
    source = f"/photos/{name}" if source is None else source
    return Item(index, index + 1, name, source, f"{index:08d}-{Path(name).stem}")


def write(folder, name, *items):
    """Write the files of the format ``name`` as if the ``items`` were images with this result; returns it."""
    sink, found = make_sink(name), result()
    pixels = np.zeros((*found.shape, 3), np.uint8)
    encoded = [sink.encode(one, found, pixels) for one in items or [item(0)]]
    assert not any(one.files for one in encoded)
    lines = [json.dumps(one.entry) for one in encoded]
    sink.finish(folder, lambda: map(json.loads, lines), COCO_PANOPTIC)
    return found


def iou(mask, other):
    mask, other = np.asarray(mask, bool), np.asarray(other, bool)
    assert mask.shape == other.shape
    return (mask & other).sum() / (mask | other).sum()


def filled(shape, *polygons):
    """The pixels whose middle lies in polygons by the even-odd rule, counted without any library."""
    height, width = shape
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros(shape, bool)
    for polygon in polygons:
        corners = np.asarray(polygon, float)
        odd = np.zeros(shape, bool)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y1 != y2:
                odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        inside |= odd
    return inside
