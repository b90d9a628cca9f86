import numpy as np
from hotcoco import mask

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.evaluation.truth import instance_truth
from tests.coco import datasets


def test_cocos_own_instances(tmp_path):
    file = datasets.write(tmp_path) / "annotations" / "instances_val2017.json"
    file.write_text("{}")
    assert instance_truth(CocoPanoptic.open(tmp_path), 1) == (file, "instances_val2017.json")


def test_instances_from_things(tmp_path):
    content, source = instance_truth(CocoPanoptic.open(datasets.write(tmp_path)), 1)
    assert source == "the things of panoptic_val2017.json"
    assert [image["id"] for image in content["images"]] == [42]
    assert [category["name"] for category in content["categories"]] == ["cat"]
    crowd, cat = content["annotations"]
    assert (crowd["id"], crowd["iscrowd"], crowd["area"], crowd["bbox"]) == (1, 1, 1, [2, 1, 1, 1])
    assert (cat["id"], cat["iscrowd"], cat["area"], cat["bbox"]) == (2, 0, 3, [1, 0, 2, 2])
    assert (cat["image_id"], cat["category_id"]) == (42, 17)
    assert np.array_equal(mask.decode(cat["segmentation"]), datasets.IDS == 70000)


def test_no_things(tmp_path):
    content = datasets.content()
    content["categories"][1]["isthing"] = 0
    assert instance_truth(CocoPanoptic.open(datasets.write(tmp_path, content)), 1) is None
