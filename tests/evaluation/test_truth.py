import numpy as np
import pytest
from hotcoco import mask
from PIL import Image

from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.evaluation.truth import instance_truth, panoptic_truth
from tests.coco import datasets
from tests.evaluation import painted


def test_panoptic_truth_of_the_first(tmp_path):
    dataset = painted.dataset(tmp_path, count=3)
    truth = panoptic_truth(dataset, 2, tmp_path / "made")
    assert [image["id"] for image in truth["images"]] == [1, 2]
    assert [annotation["file_name"] for annotation in truth["annotations"]] == [
        str(tmp_path / "panoptic" / name) for name in ("000001.png", "000002.png")
    ]
    assert [category["id"] for category in truth["categories"]] == [1, 18, 187]


def test_what_the_metrics_could_not_read_is_written_anew(tmp_path):
    """A grey PNG, ids of two categories, and segments without pixels."""
    content = datasets.content()
    content["annotations"][0]["segments_info"] = [
        {"id": 70, "category_id": 17, "iscrowd": None},
        {"id": 5, "category_id": 193},
        {"id": 5, "category_id": 17},
        {"id": 9, "category_id": 17},
    ]
    datasets.write(tmp_path, content)
    ids = np.array([[0, 70, 70, 5], [0, 70, 0, 5]], np.uint8)
    Image.fromarray(ids).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png")
    (tmp_path / "made").mkdir()
    with pytest.warns(UserWarning, match="segments") as caught:
        (annotation,) = panoptic_truth(CocoPanoptic.open(tmp_path), 1, tmp_path / "made")["annotations"]
    assert len(caught) == 2
    assert annotation["segments_info"] == [{"id": 70, "category_id": 17, "area": 3, "bbox": [1, 0, 2, 2], "iscrowd": 0}]
    with Image.open(annotation["file_name"]) as png:
        assert np.asarray(png).tolist() == colors_from_ids(np.where(ids == 5, 0, ids)).tolist()


def test_a_png_elsewhere(tmp_path):
    content = datasets.content()
    content["annotations"][0]["file_name"] = "../42.png"
    with pytest.raises(DatasetError, match="inside"):
        panoptic_truth(CocoPanoptic.open(datasets.write(tmp_path, content)), 1, tmp_path)


def test_a_wrong_field_of_the_truth(tmp_path):
    content = datasets.content()
    content["annotations"][0]["segments_info"][1]["category_id"] = 18
    with pytest.raises(
        DatasetError, match=r"annotations\[0\].segments_info\[1\].category_id: no category has the id 18"
    ):
        panoptic_truth(CocoPanoptic.open(datasets.write(tmp_path, content)), 1, tmp_path)


def test_cocos_own_instances(tmp_path):
    file = datasets.write(tmp_path) / "annotations" / "instances_val2017.json"
    file.write_text("{}")
    found = instance_truth(CocoPanoptic.open(tmp_path), 1)
    assert (found.content, found.source) == (file, "instances_val2017.json")


def test_instances_from_things(tmp_path):
    found = instance_truth(CocoPanoptic.open(datasets.write(tmp_path)), 1)
    assert found.source == "the things of panoptic_val2017.json"
    assert [image["id"] for image in found.content["images"]] == [42]
    assert [category["name"] for category in found.content["categories"]] == ["cat"]
    crowd, cat = found.content["annotations"]
    assert (crowd["id"], crowd["iscrowd"], crowd["area"], crowd["bbox"]) == (1, 1, 1, [2, 1, 1, 1])
    assert (cat["id"], cat["iscrowd"], cat["area"], cat["bbox"]) == (2, 0, 3, [1, 0, 2, 2])
    assert (cat["image_id"], cat["category_id"]) == (42, 17)
    assert np.array_equal(mask.decode(cat["segmentation"]), datasets.IDS == 70000)


def test_no_things(tmp_path):
    content = datasets.content()
    content["categories"][1]["isthing"] = 0
    assert instance_truth(CocoPanoptic.open(datasets.write(tmp_path, content)), 1) is None
