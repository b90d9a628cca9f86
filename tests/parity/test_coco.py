"""COCO's own ground truth, where it is given, is read as COCO wrote it, and comes back from what we write."""

import json

import numpy as np
import pytest

from modelscope_swinpan.coco.layout import CocoLayout
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset

pytestmark = pytest.mark.reference


@pytest.fixture
def path(request):
    return request.config.getoption("reference") / "coco" / "panoptic_examples.json"


@pytest.fixture
def dataset(path):
    return CocoPanoptic(CocoLayout(json_path=path, panoptic=path.parent, images=path.parents[1] / "images"))


def test_segments_are_those_of_the_json(path, dataset):
    assert all(dataset[index].image.size for index in range(len(dataset)))
    for index, annotation in enumerate(json.loads(path.read_text())["annotations"]):
        found = {segment.id: segment for segment in dataset.annotation(index).segments}
        assert len(found) == len(annotation["segments_info"]) > 10
        for info in annotation["segments_info"]:
            segment, (x, y, width, height) = found[info["id"]], info["bbox"]
            assert (segment.area, segment.iscrowd) == (info["area"], bool(info["iscrowd"]))
            assert segment.box == (x, y, x + width, y + height)
            assert dataset.categories[segment.label_id].id == info["category_id"]


def test_what_is_written_is_read_again(dataset, tmp_path):
    write_dataset(tmp_path, (dataset[index] for index in range(len(dataset))), dataset.categories)
    again = CocoPanoptic.open(tmp_path)
    assert again.categories == dataset.categories
    for index in range(len(dataset)):
        ours, theirs = again.annotation(index), dataset.annotation(index)
        places = [(segment.label_id, segment.area, segment.box, segment.iscrowd) for segment in ours.segments]
        assert sorted(places) == sorted((one.label_id, one.area, one.box, one.iscrowd) for one in theirs.segments)
        pairs = np.unique(np.stack((ours.segment_ids.ravel(), theirs.segment_ids.ravel())), axis=1)
        assert len(pairs[0]) == len(set(pairs[0])) == len(set(pairs[1]))  # one to one
