import dataclasses
import hashlib

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category, check_categories
from modelscope_swinpan.errors import ConfigError
from tests.builders import SMALL


def test_coco_panoptic():
    assert len(COCO_PANOPTIC) == 133
    assert [category.isthing for category in COCO_PANOPTIC] == [True] * 80 + [False] * 53
    assert all(category.name == category.name.strip() for category in COCO_PANOPTIC)
    assert len({category.id for category in COCO_PANOPTIC}) == len({category.name for category in COCO_PANOPTIC}) == 133
    assert (COCO_PANOPTIC[7].name, COCO_PANOPTIC[7].id) == ("truck", 8)
    assert (COCO_PANOPTIC[-1].name, COCO_PANOPTIC[-1].id) == ("rug-merged", 200)


def test_no_value_or_type_of_the_table_changes():
    digest = hashlib.sha256(repr(COCO_PANOPTIC).encode()).hexdigest()
    assert digest == "4dbde9660f9002cb71a15e2606b9c07cd83f7861e17de5edea64cdb304c144cd"


GOOD = Category(1, "cat", True, (0, 128, 255))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 1, "name": "dog"}, r"ids must differ; 1 is among those of several categories \('cat', 'dog'\)"),
        ({"id": -1}, "ids must lie between 0 and 2147483647; 'cat' has -1"),
        ({"id": 2**31}, "ids must lie between"),
        ({"id": 2, "color": (0, 0, 256)}, r"between 0 and 255; 'cat' has \[0, 0, 256\]"),
        ({"id": 2, "color": (-1, 0, 0)}, "between 0 and 255"),
        ({"id": 2, "color": (1, 2)}, r"red, green and blue .* has \[1, 2\]"),
        ({"id": 2, "color": ()}, "red, green and blue"),
    ],
)
def test_categories_that_no_model_can_have(change, message):
    categories = (GOOD, dataclasses.replace(GOOD, **change))
    with pytest.raises(ConfigError, match=message):
        check_categories(categories)
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(SMALL, categories=categories)


def test_categories_that_a_model_can_have():
    check_categories(COCO_PANOPTIC)
    check_categories(())
    check_categories([GOOD, Category(0, "cat", False, (0, 0, 0))])
