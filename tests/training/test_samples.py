"""Pictures of a model in training."""

import dataclasses

import numpy as np

from modelscope_swinpan.data.scenes import SCENE_CATEGORIES, SceneDataset
from modelscope_swinpan.predictor import PanopticPredictor
from modelscope_swinpan.training.samples import WIDTH, answer, draw_samples, truth
from tests.builders import SMALL, random_model


def test_truth_on_the_left_and_an_answer_on_the_right():
    config = dataclasses.replace(SMALL, categories=SCENE_CATEGORIES)
    config = dataclasses.replace(
        config,
        preprocess=dataclasses.replace(config.preprocess, short_side=64, long_side=96),
        postprocess=dataclasses.replace(config.postprocess, object_mask_threshold=0.1, overlap_threshold=0.1),
    )
    model, examples = random_model(config), [SceneDataset(range(9), (64, 96))[seed] for seed in (3, 4)]
    picture = draw_samples(model, examples)
    assert picture.shape == (2 * round(WIDTH * 64 / 96), 2 * WIDTH, 3)
    assert picture.dtype == np.uint8
    found, expected = answer(model, examples[0]), PanopticPredictor(model).predict([examples[0].image])[0]
    assert np.array_equal(found.panoptic_seg, expected.panoptic_seg)
    assert found.segments == expected.segments
    true = truth(examples[0], SCENE_CATEGORIES)
    assert [(segment.label, segment.area) for segment in true.segments] == [
        (SCENE_CATEGORIES[info.label_id].name, info.area) for info in examples[0].segments
    ]
