import dataclasses

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.evaluation.predict import predict_images
from modelscope_swinpan.inference.predictor import PanopticPredictor
from modelscope_swinpan.inference.tiles import TiledPredictor
from tests.evaluation import painted


@pytest.fixture
def dataset(tmp_path):
    return painted.dataset(tmp_path, count=5)


def predict(dataset, indices=range(5), batch_size=1, model=None):
    predictor = PanopticPredictor(model or painted.reading_model(), batch_size=batch_size)
    config = dataclasses.replace(predictor.postprocess, instance_threshold=0.0)
    return list(predict_images(predictor, dataset, indices, config))


def test_panoptic_results_are_the_predictors(dataset):
    predictor = PanopticPredictor(painted.reading_model())
    for index, found in zip((1, 4), predict(dataset, (1, 4)), strict=True):
        expected = predictor.predict([dataset[index].image])[0]
        assert found.entry is dataset.entries[index]
        assert np.array_equal(found.panoptic.panoptic_seg, expected.panoptic_seg)
        assert found.panoptic.segments == expected.segments
        assert len(expected.segments) == 4


def test_all_instances_are_there_once(dataset):
    """One run of the model; those with next to no score too."""
    seen = []
    (found,) = predict(dataset, (0,), model=painted.reading_model(seen))
    assert seen == [1]
    assert sorted(segment.label for segment in found.instances.segments[:3]) == ["dog", "person", "person"]
    assert len(found.instances.segments) > 3
    assert found.instances.segments[-1].score < 0.01


def test_batches_change_nothing(dataset):
    """Pictures of two sizes, in order."""
    seen = []
    batched = predict(dataset, batch_size=2, model=painted.reading_model(seen))
    assert sorted(seen) == [1, 2, 2]
    for one, other in zip(predict(dataset), batched, strict=True):
        assert one.entry is other.entry
        assert one.panoptic.segments == other.panoptic.segments
        assert one.instances.segments == other.instances.segments


def test_classes_that_the_dataset_lacks(dataset):
    dataset.categories = tuple(category for category in dataset.categories if category.name != "person")
    (found,) = predict(dataset, (0,))
    assert {segment.label for segment in found.panoptic.segments} == {"dog", "sky-other-merged"}
    assert {segment.label for segment in found.instances.segments} == {"dog"}


def test_tiles(dataset):
    """Both answers are those of the merged map."""
    predictor = TiledPredictor(PanopticPredictor(painted.reading_model()), side=64)
    for index, found in zip((0, 1), predict_images(predictor, dataset, (0, 1), predictor.postprocess), strict=True):
        expected = predictor.predict([dataset[index].image])[0]
        assert np.array_equal(found.panoptic.panoptic_seg, expected.panoptic_seg)
        things = {segment.id: segment for segment in expected.segments if segment.isthing}
        assert [segment.id for segment in found.instances.segments] == [1, 2, 3]
        masks = {found.instances.mask(segment).tobytes() for segment in found.instances.segments}
        assert masks == {expected.mask(thing).tobytes() for thing in things.values()}
        scores = [segment.score for segment in found.instances.segments]
        assert scores == sorted((thing.score for thing in things.values()), reverse=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "image 2: .*000002.png: no such file"),
        (lambda path: path.write_bytes(b"no"), "image 2: .*000002.png: not an image"),
        (lambda path: Image.new("RGB", (50, 40)).save(path), "image 2: 000002.png has 50 × 40 pixels.*are 64 × 96"),
    ],
)
def test_damaged_images(dataset, damage, message):
    damage(dataset.layout.images / "000002.png")
    with pytest.raises(DatasetError, match=message):
        predict(dataset)
