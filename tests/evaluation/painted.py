"""A dataset whose pictures show what is true of them, and a model that reads it off them."""

import dataclasses

import numpy as np
import torch

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.structures import Mask2FormerOutput
from tests.builders import SMALL, random_model

PERSON, DOG, SKY = 0, 16, 119
LABELS = (PERSON, DOG, SKY)
CATEGORIES = tuple(COCO_PANOPTIC[label] for label in LABELS)


def dataset(folder, count=3, crowd=False):
    """So many pictures of two people, a dog and the sky, every second one upright."""
    write_dataset(folder, (_example(number, crowd) for number in range(count)), CATEGORIES)
    return CocoPanoptic.open(folder)


def reading_model(seen=None):
    """A model that sees everything as it is; the number of images that it was given is added to the list ``seen``."""
    config = dataclasses.replace(SMALL, preprocess=PreprocessConfig(short_side=64, long_side=96))
    model = random_model(config)
    mean, std = (torch.tensor(x)[:, None, None] for x in (config.preprocess.mean, config.preprocess.std))

    def forward(pixel_values):
        if seen is not None:
            seen.append(len(pixel_values))
        colors = (pixel_values[:, :, ::4, ::4] * std + mean).round()
        outputs = [_read(image, config.num_classes) for image in colors]
        return Mask2FormerOutput(*(torch.stack(x) for x in zip(*outputs, strict=True)))

    model.forward = forward
    return model


def doubting_model(seen=None):
    """One that is more or less sure of what it sees, and sees some of it twice, beside where it is."""
    model = reading_model(seen)
    read = model.forward

    def forward(pixel_values):
        output = read(pixel_values)
        class_logits, mask_logits = output.class_logits.clone(), output.mask_logits.clone()
        for image in range(len(pixel_values)):
            rng = np.random.default_rng(int((mask_logits[image] > 0).sum()) + int(mask_logits[image, 2, 0].sum()))
            for query in range(5, 8):
                shift = int(rng.integers(2, 7))
                mask_logits[image, query] = mask_logits[image, query - 4].roll((shift, shift), (0, 1))
                class_logits[image, query] = class_logits[image, query - 4]
            sure = torch.tensor(rng.uniform(0.25, 0.97, 8), dtype=torch.float32)
            mask_logits[image] *= torch.tensor(rng.uniform(0.05, 1, (8, 1, 1)), dtype=torch.float32)
            class_logits[image] = torch.where(class_logits[image] > 0, sure.logit()[:, None], class_logits[image])
        return Mask2FormerOutput(class_logits, mask_logits)

    model.forward = forward
    return model


def _example(number, crowd):
    ids = np.zeros((64, 96), np.int32)
    for id_, left in ((3, 0), (1, 32), (2, 48 + 4 * number), (4, 80)):  # strips: upsampling would round corners off
        ids[:, left:] = id_
    if number % 2:
        ids = np.ascontiguousarray(ids.T)
    labels = {1: 0, 2: 0, 3: 2, 4: 1}
    image = np.zeros((*ids.shape, 3), np.uint8)
    image[..., 0] = ids
    for id_, label in labels.items():
        image[ids == id_, 1] = LABELS[label]
    truth = annotate(ids, labels, crowds={2} if crowd else ())
    return Example(segment_ids=truth.segment_ids, segments=truth.segments, image=image)


def _read(colors, classes):
    class_logits = torch.full((8, classes + 1), -20.0)
    class_logits[:, -1] = 0
    mask_logits = torch.full((8, *colors.shape[1:]), -20.0)
    for query in range(1, 5):
        inside = colors[0] == query
        mask_logits[query][inside] = 20
        if inside.any():
            class_logits[query, int(colors[1][inside][0])] = 20
    return class_logits, mask_logits
