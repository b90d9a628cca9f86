"""What is kept, what a killed run leaves, and whose folder it is."""

import dataclasses
import json

import numpy as np
import pytest
from hotcoco import mask
from PIL import Image

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.coco.json import ImageEntry, Node
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.predictions import PredictionFolder
from modelscope_swinpan.inference.results import InstanceResult, PanopticResult
from modelscope_swinpan.structures import Segment, Size

RUN = {"dtype": "float32", "sizes": (1, 2)}
SKY = Segment(119, 119, 187, "sky", False, 4, (0, 0, 2, 2), 0.5)
CAT = Segment(1015, 15, 17, "cat", True, 2, (1, 0, 2, 2), 0.75)
IDS = np.array([[119, 1015, 133], [119, 1015, 133]], np.int32)
MASK = np.array([[[0, 1, 1], [0, 0, 1]]], bool)


def entry(id_):
    return ImageEntry(id_, f"{id_}.jpg", Size(2, 3), Node({}, ""))


def add(folder, id_, score=0.25):
    instances = InstanceResult(MASK, (dataclasses.replace(CAT, id=1, score=score, box=(1, 0, 3, 2)),))
    folder.keep(folder.encode(entry(id_), PanopticResult(IDS, (CAT, SKY), 133), instances))


def read(path):
    return json.loads(path.read_text())


def test_what_is_written(tmp_path):
    folder = PredictionFolder(tmp_path / "new", RUN)
    for id_ in (7, 3, 5):
        add(folder, id_)
    folder.finish([entry(3), entry(7)], [Category(17, "cat", True, (1, 2, 3))])
    content = read(folder.folder / "panoptic.json")
    assert content["categories"] == [{"id": 17, "name": "cat", "isthing": 1, "color": [1, 2, 3]}]
    assert content["images"] == [{"id": id_, "file_name": f"{id_}.jpg", "height": 2, "width": 3} for id_ in (3, 7)]
    first, second = content["annotations"]
    assert (first["image_id"], first["file_name"], second["image_id"]) == (3, "000000000003.png", 7)
    assert first["segments_info"] == [
        {"id": 1, "category_id": 17, "area": 2, "bbox": [1, 0, 1, 2], "iscrowd": 0, "score": 0.75},
        {"id": 2, "category_id": 187, "area": 4, "bbox": [0, 0, 2, 2], "iscrowd": 0, "score": 0.5},
    ]
    png = ids_from_colors(np.asarray(Image.open(folder.folder / "panoptic" / first["file_name"])))
    assert png.tolist() == [[2, 1, 0], [2, 1, 0]]
    boxes, masks = read(folder.folder / "boxes.json"), read(folder.folder / "masks.json")
    assert boxes == [{"image_id": id_, "category_id": 17, "score": 0.25, "bbox": [1, 0, 2, 2]} for id_ in (7, 3)]
    assert [set(result) for result in masks] == [{"image_id", "category_id", "score", "segmentation"}] * 2
    assert np.array_equal(mask.decode(masks[0]["segmentation"]), MASK[0])


def test_no_instances(tmp_path):
    folder = PredictionFolder(tmp_path, RUN)
    folder.keep(folder.encode(entry(1), PanopticResult(IDS, (), 133), InstanceResult(MASK[:0], ())))
    folder.finish([entry(1)], [])
    assert read(tmp_path / "boxes.json") == read(tmp_path / "masks.json") == []


@pytest.mark.parametrize("cut", [1, 40])
def test_a_torn_line_is_dropped(tmp_path, cut):
    folder = PredictionFolder(tmp_path, RUN)
    add(folder, 1)
    add(folder, 2)
    lines = tmp_path / "predictions.jsonl"
    lines.write_bytes(lines.read_bytes()[:-cut])
    again = PredictionFolder(tmp_path, RUN)
    assert again.kept == {1}
    add(again, 2, score=0.125)
    again.finish([entry(1), entry(2)], [])
    assert [result["score"] for result in read(tmp_path / "boxes.json")] == [0.25, 0.125]
    assert PredictionFolder(tmp_path, RUN).kept == {1, 2}


def test_twice_counts_once(tmp_path):
    """Two processes at once in one folder."""
    first, second = PredictionFolder(tmp_path, RUN), PredictionFolder(tmp_path, RUN)
    add(first, 1)
    add(second, 1)
    first.finish([entry(1)], [])
    assert len(read(tmp_path / "boxes.json")) == 1


def test_a_damaged_line(tmp_path):
    add(PredictionFolder(tmp_path, RUN), 1)
    lines = tmp_path / "predictions.jsonl"
    lines.write_bytes(b"{]\n" + lines.read_bytes())
    with pytest.raises(DatasetError, match="damaged"):
        PredictionFolder(tmp_path, RUN)


def test_another_run(tmp_path):
    PredictionFolder(tmp_path, RUN)
    with pytest.raises(ConfigError, match=r'dtype was "float32", is "float16".*new was null, is 1') as caught:
        PredictionFolder(tmp_path, {**RUN, "dtype": "float16", "new": 1})
    assert "sizes" not in str(caught.value)


@pytest.mark.parametrize("name", ["panoptic.json", "panoptic/1.png"])
def test_something_else_is_not_replaced(tmp_path, name):
    """A dataset, for one: its truth must survive."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("truth")
    with pytest.raises(ConfigError, match=r"not the run\.json of a run"):
        PredictionFolder(tmp_path, RUN)
    assert (tmp_path / name).read_text() == "truth"
    assert not (tmp_path / "run.json").exists()
