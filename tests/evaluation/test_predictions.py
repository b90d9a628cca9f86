"""Predictions on disk: matched by id, and refused where they contradict the dataset or themselves."""

import json

import pytest

from modelscope_swinpan.coco.layout import find_layout
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.evaluation.evaluate import score
from modelscope_swinpan.evaluation.predictions import predicted
from tests.evaluation import painted


@pytest.fixture
def dataset(tmp_path):
    return painted.dataset(tmp_path / "data", count=2)


def change(dataset, function):
    """The dataset's own truth, changed, as predictions."""
    path = dataset.layout.json_path
    content = json.loads(path.read_text())
    function(content)
    changed = path.with_name("changed.json")
    changed.write_text(json.dumps(content))
    return find_layout(changed, panoptic=dataset.layout.panoptic)


def segments(content, index=0):
    return content["annotations"][index]["segments_info"]


def permute(content):
    first, second = content["categories"][:2]
    first["name"], second["name"] = second["name"], first["name"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda content: content["annotations"].append(content["annotations"][0]),
            r"annotations\[2\]\.image_id: image 1 has several predictions",
        ),
        (
            lambda content: segments(content).append(segments(content)[0]),
            r"annotations\[0\]\.segments_info: a segment's id occurs twice",
        ),
        (lambda content: segments(content).append({**segments(content)[0], "category_id": 187}), "id occurs twice"),
        (permute, "category 1 is 'person', and 'dog' to the predictions"),
        (lambda content: content["categories"].append(content["categories"][0]), "category 1 occurs twice"),
        (lambda content: segments(content)[0].update(category_id=5), r"segments_info\[0\]\.category_id: no category"),
        (lambda content: content["annotations"].pop(), "no prediction for 1 of 2 images, for example image 2"),
        (lambda content: content["annotations"][0].update(file_name="../x.png"), "inside"),
        (
            lambda content: content.update(annotations=[{"image_id": 1, "bbox": [0, 0, 1, 1]}]),
            "this file holds instances",
        ),
    ],
)
def test_contradictions(dataset, function, message):
    with pytest.raises(DatasetError, match=message):
        predicted(change(dataset, function), dataset, 2)


def test_what_metrics_need_of_others_predictions(dataset):
    """No categories, ids as texts and floats, names without a suffix; other images do not matter."""

    def minimal(content):
        del content["categories"], content["images"]
        for annotation in content["annotations"]:
            annotation["image_id"] = str(annotation["image_id"])
            annotation["file_name"] = annotation["file_name"].removesuffix(".png")
            annotation["segments_info"] = [
                {"id": float(info["id"]), "category_id": info["category_id"]} for info in annotation["segments_info"]
            ]
        content["annotations"] += [{**content["annotations"][0], "image_id": 99}] * 2

    found = predicted(change(dataset, minimal), dataset, 2)
    assert [annotation["image_id"] for annotation in found] == [1, 2]
    assert found[0]["file_name"] == str(dataset.layout.panoptic / "000001.png")
    assert {"id": 3, "category_id": 187} in found[0]["segments_info"]


def test_ids_that_are_texts(dataset):
    """Others' predictions have the dataset's ids, and ours the numbers that stand for them."""
    path = dataset.layout.json_path
    ours = change(dataset, lambda content: None)
    content = json.loads(path.read_text())
    for image, annotation in zip(content["images"], content["annotations"], strict=True):
        image["id"] = annotation["image_id"] = f"ulm_{image['id']}"
    path.write_text(json.dumps(content))
    renamed = CocoPanoptic.open(path)
    assert score(renamed, path).panoptic.all.pq == 100
    assert predicted(ours, renamed, 2) == predicted(find_layout(path), renamed, 2)
