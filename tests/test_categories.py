import hashlib

from modelscope_swinpan.categories import COCO_PANOPTIC


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
