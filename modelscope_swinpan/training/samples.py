"""Pictures of what a model in training answers, beside the truth."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import Dataset

from ..categories import Category
from ..coco.annotation import Annotation, Example
from ..inference.fusion import panoptic
from ..inference.preprocess import preprocess
from ..inference.results import PanopticResult
from ..models.mask2former import Mask2Former
from ..structures import Segment

WIDTH = 640
"""Of one picture, in pixels."""
SHOWN = 4
"""Examples that are drawn at every evaluation."""


class Shown(NamedTuple):
    """An ``image``, (H, W, 3) RGB uint8, and the ``truth`` of it, whose classes need not be those of a model."""

    image: npt.NDArray[np.uint8]
    truth: PanopticResult


def first_of(dataset: Dataset[Example], categories: Sequence[Category]) -> list[Shown]:
    """The first :data:`SHOWN` examples of a dataset with these classes."""
    count = min(SHOWN, len(dataset))  # type: ignore[arg-type]
    return [Shown(example.image, truth(example, categories)) for example in (dataset[index] for index in range(count))]


def draw_samples(model: Mask2Former, examples: Sequence[Shown]) -> npt.NDArray[np.uint8]:
    """The truth on the left, the model's answer on the right, an example below another: (H, W, 3) RGB uint8."""
    return np.vstack([beside_truth(example, answer(model, example.image)) for example in examples])


def beside_truth(example: Shown, result: PanopticResult) -> npt.NDArray[np.uint8]:
    """The truth on the left, a result on the right: (H, W, 3) RGB uint8."""
    image = Image.fromarray(example.image)
    return np.hstack([_to_width(np.asarray(one.to_pil(image))) for one in (example.truth, result)])


def truth(annotation: Annotation, categories: Sequence[Category]) -> PanopticResult:
    """An annotation as a result, of score 1."""
    segments = tuple(
        Segment(
            id=info.id,
            label_id=info.label_id,
            category_id=categories[info.label_id].id,
            label=categories[info.label_id].name,
            isthing=categories[info.label_id].isthing,
            area=info.area,
            box=info.box,
            score=1.0,
        )
        for info in annotation.segments
    )
    return PanopticResult(annotation.segment_ids, segments, void_id=0, categories=tuple(categories))


@torch.inference_mode()
def answer(model: Mask2Former, image: npt.NDArray[np.uint8]) -> PanopticResult:
    """What the model, in eval mode, makes of an image."""
    batch = preprocess([image], model.config.preprocess)
    output = model(batch.pixel_values.to(next(model.parameters()).device))
    return panoptic(
        output.class_logits[0],
        output.mask_logits[0],
        resized=batch.resized[0],
        original=batch.original[0],
        categories=model.config.categories,
        config=model.config.postprocess,
    )


def _to_width(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height = max(1, round(picture.shape[0] * WIDTH / picture.shape[1]))
    resized: npt.NDArray[np.uint8] = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return resized
