"""The instances that an evaluation keeps."""

import dataclasses
import json

import numpy as np
import pytest
from hotcoco import mask

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.evaluation.sinks import InstancesSink
from modelscope_swinpan.inference.results import InstanceResult, PanopticResult
from modelscope_swinpan.runs.inputs import Item
from modelscope_swinpan.structures import Segment

CAT = Segment(1, 15, 17, "cat", True, 3, (1, 0, 3, 2), 0.25)
DOG = dataclasses.replace(CAT, id=2, label_id=16, category_id=18, label="dog")
MASKS = np.array([[[0, 1, 1], [0, 0, 1]], [[1, 1, 0], [0, 0, 0]]], bool)
IDS = np.full((2, 3), 133, np.int32)
PIXELS = np.zeros((2, 3, 3), np.uint8)


def item(id_):
    return Item(0, id_, "a.jpg", "/x/a.jpg", "a")


def result(*segments):
    return PanopticResult(IDS, (), 133, instances=InstanceResult(MASKS, segments))


def test_what_is_written(tmp_path):
    sink = InstancesSink({17: 5})
    entries = [sink.encode(item(id_), result(CAT, DOG), PIXELS).entry for id_ in (7, 3)]
    sink.finish(tmp_path, lambda: iter(json.loads(json.dumps(entries))), ())
    boxes, masks = (json.loads((tmp_path / name).read_text()) for name in sink.files)
    assert boxes == [{"image_id": id_, "category_id": 5, "score": 0.25, "bbox": [1, 0, 2, 2]} for id_ in (7, 3)]
    assert [set(found) for found in masks] == [{"image_id", "category_id", "score", "segmentation"}] * 2
    assert np.array_equal(mask.decode(masks[0]["segmentation"]), MASKS[0])


def test_no_instances(tmp_path):
    sink = InstancesSink({17: 5})
    sink.finish(tmp_path, lambda: iter([sink.encode(item(1), result(), PIXELS).entry]), ())
    assert [json.loads((tmp_path / name).read_text()) for name in ("boxes.json", "masks.json")] == [[], []]


def test_a_result_without_them():
    with pytest.raises(ConfigError, match="carry instances"):
        InstancesSink({}).encode(item(1), PanopticResult(IDS, (), 133), PIXELS)
