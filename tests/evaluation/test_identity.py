import dataclasses

import pytest
import torch

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.identity import describe_run
from tests.builders import SMALL, random_model
from tests.evaluation import painted


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return painted.dataset(tmp_path_factory.mktemp("dataset"), count=1)


def described(model, dataset):
    return describe_run(model, model.config.postprocess, dataset)


def test_the_same_model_again(dataset):
    assert described(random_model(), dataset) == described(random_model(), dataset)


def test_says_what_it_is(dataset):
    found = described(random_model().bfloat16(), dataset)
    assert (found["dtype"], found["device"], found["compiled"]) == ("bfloat16", "cpu", False)
    assert found["postprocess"]["overlap_threshold"] == 0.8


def test_every_weight_counts(dataset):
    model = random_model()
    former = described(model, dataset)
    with torch.no_grad():
        model.transformer_decoder.class_head.bias[-1] += 1
    changed = described(model, dataset)
    assert [name for name in former if former[name] != changed[name]] == ["weights_sha256"]


def test_so_does_what_no_shape_tells(dataset):
    model = random_model()
    former = described(model, dataset)
    model.config = dataclasses.replace(
        SMALL, categories=(*SMALL.categories[:-1], Category(999, "else", False, (0, 0, 0)))
    )
    assert described(model, dataset) != former


def test_so_does_the_dataset(dataset, tmp_path):
    assert described(random_model(), dataset) != described(random_model(), painted.dataset(tmp_path, count=2))


def test_not_panoptic(dataset):
    model = random_model(dataclasses.replace(SMALL, task="semantic"))
    with pytest.raises(ConfigError, match="'semantic'"):
        described(model, dataset)


@pytest.mark.parametrize(
    ("id_", "name", "message"),
    [(1, "road", "category 1 is 'road', and 'person' to the model"), (5000, "person", "none of its category ids")],
)
def test_other_classes(dataset, id_, name, message):
    other = CocoPanoptic(dataset.layout, categories=[Category(id_, name, True, (0, 0, 0))])
    with pytest.raises(DatasetError, match=message):
        described(random_model(), other)
