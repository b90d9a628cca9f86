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
    check_scorable("panoptic", COCO_PANOPTIC, dataset)


def test_not_panoptic(dataset):
    with pytest.raises(ConfigError, match="'semantic'"):
        check_scorable("semantic", COCO_PANOPTIC, dataset)


@pytest.mark.parametrize(
    ("id_", "name", "message"),
    [(1, "road", "category 1 is 'road', and 'person' to the model"), (5000, "person", "none of its category ids")],
)
def test_other_classes(dataset, id_, name, message):
    other = CocoPanoptic(dataset.layout, categories=[Category(id_, name, True, (0, 0, 0))])
    with pytest.raises(DatasetError, match=message):
        check_scorable("panoptic", COCO_PANOPTIC, other)
