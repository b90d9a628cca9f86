"""A model of 1,203 classes, as many as LVIS has, answers like the same model of 133, with its labels."""

import numpy as np
import pytest
import torch

from modelscope_swinpan import PanopticPredictor, TiledPredictor
from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.inference.fusion import panoptic
from modelscope_swinpan.inference.merging import Tile, merge
from modelscope_swinpan.structures import Size
from tests.builders import with_more_classes
from tests.conftest import CHELSEA
from tests.truth import check_consistent, regions

ADDED = 1070
MANY = PostprocessConfig(object_mask_threshold=0.0, overlap_threshold=0.1)
"""Thresholds that leave many segments."""


@pytest.fixture(scope="module")
def large_model(quick_model):
    return with_more_classes(quick_model, ADDED)


def described(result, shift=0):
    """Each segment with its label, in the order of the list."""
    return [
        (segment.label_id + shift, segment.category_id, segment.label, segment.area, segment.box)
        for segment in sorted(result.segments, key=lambda segment: (segment.label_id, segment.box, segment.area))
    ]


@pytest.mark.parametrize("task", ["panoptic", "semantic", "instance", "tiles"])
def test_labels(quick_model, large_model, task):
    def answer(model):
        if task == "tiles":
            return TiledPredictor(PanopticPredictor(model, postprocess=MANY), side=192)(CHELSEA)
        return PanopticPredictor(model, task=task, postprocess=MANY)(CHELSEA)

    expected, found = answer(quick_model), answer(large_model)
    assert any(segment.isthing for segment in found.segments)
    assert min(segment.label_id for segment in found.segments) >= ADDED
    assert described(found) == described(expected, ADDED)
    if task in ("panoptic", "tiles"):
        check_consistent(found)
    for segment in found.segments:
        assert found.mask(segment).sum() == segment.area


@pytest.mark.parametrize("classes", [999, 1000, 1001, 1203, 40_000])
def test_every_thing_of_the_first_and_the_last_class_is_found(classes):
    """Two of each, in quarters. With 1,000 classes upstream's rule gives the first one void's id."""
    categories = tuple(Category(k, f"class {k}", True, (0, 0, 0)) for k in range(classes))
    labels = (0, classes - 1, 0, classes - 1)
    class_logits = torch.full((4, classes + 1), -20.0)
    mask_logits = torch.full((4, 8, 8), -9.0)
    for query, label in enumerate(labels):
        class_logits[query, label] = 20.0
        mask_logits[query, 2 * query : 2 * query + 2] = 9.0
    size = Size(32, 32)
    options = {"resized": size, "original": size, "categories": categories, "config": PostprocessConfig()}
    found = panoptic(class_logits, mask_logits, **options)
    check_consistent(found)
    assert sorted(segment.label_id for segment in found.segments) == sorted(labels)
    tiled = merge(found, [Tile((0, 0, 32, 32), found)])
    check_consistent(tiled)
    assert regions(tiled) == regions(found)


def test_a_run_and_its_evaluation(large_model, chelsea, tmp_path):
    """The files name the categories; predictions that are the truth score 100 %."""
    predictor = PanopticPredictor(large_model, postprocess=MANY)
    found = predictor(CHELSEA)
    numbers = np.zeros(found.shape, np.int32)
    for number, segment in enumerate(found.segments, start=1):
        numbers[found.mask(segment)] = number
    labels = {number: segment.label_id for number, segment in enumerate(found.segments, start=1)}
    truth = Example(**vars(annotate(numbers, labels)), image=chelsea)
    write_dataset(tmp_path / "data", [truth], large_model.config.categories)
    dataset = CocoPanoptic.open(tmp_path / "data")
    report = evaluate(predictor, dataset, tmp_path / "out")
    assert report.panoptic.all.pq == 100
    assert set(report.panoptic.per_class) == {segment.category_id for segment in found.segments}
