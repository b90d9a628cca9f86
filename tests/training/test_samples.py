"""Pictures of a model in training."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.errors import DamagedFileError
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.scenes.dataset import SCENE_CATEGORIES, SceneDataset
from modelscope_swinpan.training.samples import SAMPLES, TALLEST, WIDTH, draw_samples, first_of, truth
from tests.builders import SMALL, random_model

CONFIG = dataclasses.replace(
    SMALL,
    categories=SCENE_CATEGORIES,
    preprocess=dataclasses.replace(SMALL.preprocess, short_side=64, long_side=96),
    postprocess=dataclasses.replace(SMALL.postprocess, object_mask_threshold=0.1, overlap_threshold=0.1),
)


def test_truth_on_the_left_and_an_answer_on_the_right():
    model, scenes = random_model(CONFIG), SceneDataset(range(3, 9), (64, 96))
    picture = draw_samples(model, first_of(scenes, scenes.categories))
    assert picture.shape == (SAMPLES * round(WIDTH * 64 / 96), 2 * WIDTH, 3)
    assert picture.dtype == np.uint8
    for index in range(SAMPLES):
        left, right = np.split(picture[index * len(picture) // SAMPLES :][: len(picture) // SAMPLES], 2, axis=1)
        photo = Image.fromarray(scenes[index].image)
        for half, result in ((left, truth(scenes[index], scenes.categories)), (right, PanopticPredictor(model)(photo))):
            expected = cv2.resize(np.asarray(result.to_pil(photo)), half.shape[1::-1], interpolation=cv2.INTER_AREA)
            assert np.array_equal(half, expected)
    true = truth(scenes[0], SCENE_CATEGORIES)
    assert [(segment.label, segment.area) for segment in true.segments] == [
        (SCENE_CATEGORIES[info.label_id].name, info.area) for info in scenes[0].segments
    ]


def test_truth_may_have_other_classes_than_the_model():
    """As a validation set does that lists more of them, or the same in another order."""
    scenes = SceneDataset(range(1), (64, 96))
    listed = (Category(900, "unicorn", True, (1, 2, 3)), *reversed(SCENE_CATEGORIES))
    moved = dataclasses.replace(
        scenes[0],
        segments=tuple(
            dataclasses.replace(info, label_id=len(SCENE_CATEGORIES) - info.label_id) for info in scenes[0].segments
        ),
    )
    (sample,) = first_of([moved], listed)
    assert [segment.label for segment in sample.truth.segments] == [
        SCENE_CATEGORIES[info.label_id].name for info in scenes[0].segments
    ]
    draw_samples(random_model(SMALL), [sample])


def test_damaged_examples_are_passed_over():
    class Holed(SceneDataset):
        def __getitem__(self, index):
            if index in (0, 2):
                raise DamagedFileError(f"{index}.jpg: damaged")
            return super().__getitem__(index)

    scenes = Holed(range(5), (64, 96))
    shown = first_of(scenes, scenes.categories)
    assert [sample.image.tobytes() for sample in shown] == [scenes[index].image.tobytes() for index in (1, 3, 4)]


def strip(height, width):
    """A narrow photo, half of which is a person."""
    ids = np.zeros((height, width), np.int32)
    ids[: height // 2] = 1
    truth = annotate(ids, {1: 0})
    return Example(segment_ids=ids, segments=truth.segments, image=np.full((height, width, 3), 200, np.uint8))


def test_a_picture_is_bounded_whatever_the_photo():
    """At 640 pixels of width, a strip of 3000×40 pixels would be 48,000 high: it took gigabytes."""
    (sample,) = first_of([strip(3000, 40)], SCENE_CATEGORIES)
    picture = draw_samples(random_model(CONFIG), [sample])
    assert picture.shape == (TALLEST, 2 * WIDTH, 3)
    assert picture[:, 25].any(axis=1).all()
    assert not picture[:, 26:WIDTH].any()  # padding


def test_a_sample_that_cannot_be_segmented_ends_no_run():
    scene = SceneDataset(range(1), (64, 96))[0]
    samples = first_of([scene, strip(2, 3000)], SCENE_CATEGORIES)
    with pytest.warns(UserWarning, match="Sample 2: Image of 3000×2 pixels is too narrow"):
        picture = draw_samples(random_model(CONFIG), samples)
    height = round(WIDTH * 64 / 96)
    assert picture.shape == (height + 1, 2 * WIDTH, 3)
    assert picture[height, :WIDTH].any()  # the truth
    assert not picture[height, WIDTH:].any()
