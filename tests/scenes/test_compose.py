"""The tables of what scenes hold."""

import numpy as np

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.scenes.canvas import Canvas
from modelscope_swinpan.scenes.compose import LANDSCAPES, SCENE_CATEGORIES, THINGS, compose
from modelscope_swinpan.structures import Size


def test_categories_are_cocos():
    assert set(SCENE_CATEGORIES) <= set(COCO_PANOPTIC)
    assert sum(category.isthing for category in SCENE_CATEGORIES) == 10
    assert len(SCENE_CATEGORIES) == 20


def test_landscapes_name_things_that_can_be_drawn():
    drawn = {kind.name for kind in THINGS}
    assert drawn == {category.name for category in SCENE_CATEGORIES if category.isthing}
    assert set().union(*(landscape.things for landscape in LANDSCAPES)) == drawn


def test_every_category_turns_up():
    found = set()
    for seed in range(150):
        canvas = Canvas(Size(64, 80))
        labels = compose(canvas, np.random.default_rng(seed))
        found |= {labels[id_] for id_ in np.unique(canvas.ids).tolist() if id_}
    assert found == set(range(len(SCENE_CATEGORIES)))
