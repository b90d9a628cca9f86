"""Photos whose colours say what is true of them, and a predictor that reads it off: red is a pixel's segment, green
the segment's label."""

from functools import cache

import numpy as np
import torch

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.structures import ImageBatch, Segment, Size
from tests.builders import random_model

PERSON, DOG, SKY, GRASS = 0, 16, 119, 125
VOID = len(COCO_PANOPTIC)


def photo(size, *shapes, background=SKY):
    """A photo of rectangles ``(label, x1, y1, x2, y2)``, later ones on top, with stuff behind."""
    image = np.zeros((*size, 3), np.uint8)
    image[..., :2] = 1, background
    for number, (label, x1, y1, x2, y2) in enumerate(shapes, start=2):
        image[y1:y2, x1:x2, :2] = number, label
    return image


def read(image, least=0):
    """The exact result for a photo, but for things of less than ``least`` pixels, which become void."""
    numbers, labels = image[..., 0].astype(np.int32), image[..., 1]
    panoptic_seg = np.full(numbers.shape, VOID, np.int32)
    segments = []
    for info in annotate(numbers, {number: number for number in np.unique(numbers).tolist()}).segments:
        inside = numbers == info.id
        label = int(labels[inside][0])
        category = COCO_PANOPTIC[label]
        id_ = label + 1000 * info.id if category.isthing else label
        if info.area >= least or not category.isthing:
            panoptic_seg[inside] = id_
            segment = Segment(id_, label, category.id, category.name, category.isthing, info.area, info.box, 0.9)
            segments.append(segment)
    segments.sort(key=lambda segment: -segment.id)
    return PanopticResult(panoptic_seg, tuple(segments), VOID)


class Reader(PanopticPredictor):
    """Sees photos as they are; of those with more than ``sharp`` pixels, only things of at least ``least``.

    ``seen`` are the sizes of what it was shown.
    """

    def __init__(self, *, sharp=10**9, least=0, batch_size=1):
        super().__init__(_model(), batch_size=batch_size)
        self.sharp, self.least, self.seen = sharp, least, []

    def prepare(self, images):
        sizes = tuple(Size(*image.shape[:2]) for image in images)
        assert len(set(sizes)) == 1
        return ImageBatch(torch.from_numpy(np.stack(images)), sizes, sizes)

    def answer(self, batch):
        self.seen += [(len(batch.original), *size) for size in batch.original[:1]]
        return [
            read(image, self.least if image[..., 0].size > self.sharp else 0) for image in batch.pixel_values.numpy()
        ]


@cache
def _model():
    """Any model: of it, only options are asked."""
    return random_model()


def regions(result):
    """What a result says, whatever the ids of its things."""
    return {(segment.label, segment.area, segment.box, result.mask(segment).tobytes()) for segment in result.segments}


def check_consistent(result):
    """Every pixel is void or listed, once; ids, areas, boxes and order are those of the map."""
    offset = max(1000, result.void_id)  # for void the number of classes
    listed = [segment.id for segment in result.segments]
    assert listed == sorted(set(listed), reverse=True)
    assert set(np.unique(result.panoptic_seg)) - {result.void_id} == set(listed)
    for segment in result.segments:
        ys, xs = np.nonzero(result.mask(segment))
        assert segment.area == len(ys)
        assert segment.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert 0 < segment.score <= 1
        assert (segment.label_id, segment.isthing) == (segment.id % offset, segment.id >= offset)
