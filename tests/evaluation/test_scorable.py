"""Which models can be scored on which datasets."""

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.scorable import check_scorable
from tests.evaluation import painted


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return painted.dataset(tmp_path_factory.mktemp("dataset"), count=1)


def test_a_model_that_knows_more_classes(dataset):
    assert check_scorable("panoptic", COCO_PANOPTIC, dataset) == {1: 1, 18: 18, 187: 187}


def test_not_panoptic(dataset):
    with pytest.raises(ConfigError, match="'semantic'"):
        check_scorable("semantic", COCO_PANOPTIC, dataset)


def other_classes(dataset, *classes):
    return CocoPanoptic(dataset.layout, categories=[Category(id_, name, True, (0, 0, 0)) for id_, name in classes])


@pytest.mark.parametrize(
    ("id_", "name", "message"),
    [
        (1, "Person", "category 1 is 'Person', and 'person' to the model"),
        (5000, "persona", "none of its classes is one of the model's"),
    ],
)
def test_other_classes(dataset, id_, name, message):
    with pytest.raises(DatasetError, match=message):
        check_scorable("panoptic", COCO_PANOPTIC, other_classes(dataset, (id_, name)))


def test_other_numbers(dataset):
    """Classes of the same names with ids of their own, as an import gives them, among which 1 is another's."""
    other = other_classes(dataset, (1, "dog"), (2, "person"))
    assert check_scorable("panoptic", COCO_PANOPTIC, other) == {18: 1, 1: 2}


def test_two_classes_of_one_name(dataset):
    categories = [Category(id_, "cat", True, (0, 0, 0)) for id_ in (1, 2)]
    assert check_scorable("panoptic", categories, other_classes(dataset, (2, "cat"), (1, "cat"))) == {1: 1, 2: 2}


@pytest.mark.parametrize("classes", [[(1, "person"), (300, "weld")], [(1, "weld"), (2, "person")]])
def test_a_class_that_the_model_lacks_is_told(dataset, classes):
    other = other_classes(dataset, *classes)
    with pytest.warns(UserWarning, match="the model lacks classes, whose segments count as missed: weld"):
        assert check_scorable("panoptic", COCO_PANOPTIC, other) == {1: dict(map(reversed, classes))["person"]}
