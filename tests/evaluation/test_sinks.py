"""The instances that an evaluation keeps."""

import dataclasses
import io
import json

import numpy as np
import pytest
from hotcoco import mask
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.evaluation.sinks import ContestsSink, InstancesSink
from modelscope_swinpan.inference.contests import Contender, Contest, Contests
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


def test_a_result_without_contests():
    with pytest.raises(ConfigError, match="carry contests"):
        ContestsSink({}).encode(item(1), PanopticResult(IDS, (), 133), PIXELS)


def test_the_contests_of_a_photo(tmp_path):
    """Two are one contest, which a line tells once."""
    cat, grass = COCO_PANOPTIC[15], COCO_PANOPTIC[125]
    both = Contest(
        winners=np.array([[4, 7, -1]], np.int32), queries=(Contender(4, cat, 2, 3), Contender(7, grass, 1, 1))
    )
    one = Contest(winners=np.array([[4, 4, -1]], np.int32), queries=both.queries[:1])
    contests = Contests(config=PostprocessConfig(), by_threshold={0.3: both, 0.5: both, 0.8: one})
    sink = ContestsSink({cat.id: 5})
    encoded = sink.encode(item(5), dataclasses.replace(result(), contests=contests), PIXELS)
    sink.finish(tmp_path, lambda: iter([encoded.entry]), ())
    (line,) = map(json.loads, (tmp_path / "thresholds.jsonl").read_bytes().splitlines())
    assert line == {
        "image_id": 5,
        "file_name": "a.png",
        "object_mask_threshold": 0.8,
        "overlap_threshold": 0.8,
        "object_mask_thresholds": [0.3, 0.5, 0.8],
        "contest": [0, 0, 1],
        "contests": [[[4, 5, 1, 2, 3], [7, -1, 0, 1, 1]], [[4, 5, 1, 2, 3]]],
        "winners": [[-1, -1], [4, 4], [7, 4]],
    }
    ((path, png),) = encoded.files.items()
    assert path == "thresholds/a.png"
    assert np.array(Image.open(io.BytesIO(png)))[..., 0].tolist() == [[1, 2, 0]]
