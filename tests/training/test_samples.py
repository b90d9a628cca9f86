"""Pictures of a model in training."""

import dataclasses

import numpy as np

from modelscope_swinpan.categories import Category
from modelscope_swinpan.inference.predictor import PanopticPredictor
from modelscope_swinpan.scenes.dataset import SCENE_CATEGORIES, SceneDataset
from modelscope_swinpan.training.samples import SHOWN, WIDTH, answer, draw_samples, first_of, truth
from tests.builders import SMALL, random_model


def test_truth_on_the_left_and_an_answer_on_the_right():
    config = dataclasses.replace(SMALL, categories=SCENE_CATEGORIES)
    config = dataclasses.replace(
        config,
        preprocess=dataclasses.replace(config.preprocess, short_side=64, long_side=96),
        postprocess=dataclasses.replace(config.postprocess, object_mask_threshold=0.1, overlap_threshold=0.1),
    )
    model, scenes = random_model(config), SceneDataset(range(3, 9), (64, 96))
    picture = draw_samples(model, first_of(scenes, scenes.categories))
    assert picture.shape == (SHOWN * round(WIDTH * 64 / 96), 2 * WIDTH, 3)
    assert picture.dtype == np.uint8
    found, expected = answer(model, scenes[0].image), PanopticPredictor(model).predict([scenes[0].image])[0]
    assert np.array_equal(found.panoptic_seg, expected.panoptic_seg)
    assert found.segments == expected.segments
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
    (shown,) = first_of([moved], listed)
    assert [segment.label for segment in shown.truth.segments] == [
        SCENE_CATEGORIES[info.label_id].name for info in scenes[0].segments
    ]
    draw_samples(random_model(SMALL), [shown])
