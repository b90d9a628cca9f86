"""What a record holds, and the files that are made of records."""

import io
import json

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image
from pycocotools import mask

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.inference.results import InstanceResult
from modelscope_swinpan.runs import sinks as forms
from modelscope_swinpan.runs.inputs import Item
from modelscope_swinpan.runs.sinks import FORMS, failure
from modelscope_swinpan.structures import Segment
from tests.runs.fakes import bright, pixels

ITEM = Item(41, 42, "some/cat.jpg", "/x/some/cat.jpg")
NUMBER = 67
"""Of a picture whose three leftmost columns are bright."""


def lines_of(*records):
    lines = [json.loads(record.line) for record in records]
    return lambda: iter(lines)


@pytest.fixture
def instances():
    """Two that overlap."""
    masks = np.zeros((2, 6, 8), bool)
    masks[0, :4, :4] = masks[1, 2:, 2:] = True
    segments = (
        Segment(1, 15, 17, "cat", True, 16, (0, 0, 4, 4), 0.75),
        Segment(2, 0, 1, "person", True, 24, (2, 2, 8, 6), 0.5),
    )
    return InstanceResult(masks, segments)


def test_coco(tmp_path):
    record = FORMS["coco"].encode(ITEM, bright(pixels(NUMBER)))
    assert (record.index, record.failed, record.png_name) == (41, False, "00000041-cat.png")
    ids = ids_from_colors(np.asarray(Image.open(io.BytesIO(record.png))))
    assert np.array_equal(ids, np.tile([1, 1, 1, 0, 0, 0, 0, 0], (6, 1)))
    nothing = FORMS["coco"].encode(Item(42, 7, "b.png", "/x/b.png"), bright(pixels(0)))
    FORMS["coco"].finish(tmp_path, lines_of(record, nothing), COCO_PANOPTIC)
    content = json.loads((tmp_path / "panoptic.json").read_text())
    assert content["images"] == [
        {"id": 42, "file_name": "some/cat.jpg", "height": 6, "width": 8},
        {"id": 7, "file_name": "b.png", "height": 6, "width": 8},
    ]
    cat = {"id": 1, "area": 18, "iscrowd": 0, "category_id": 17, "bbox": [0, 0, 3, 6], "score": round(NUMBER / 256, 6)}
    assert content["annotations"] == [
        {"image_id": 42, "file_name": "00000041-cat.png", "segments_info": [cat]},
        {"image_id": 7, "file_name": "00000042-b.png", "segments_info": []},
    ]
    assert content["categories"][0] == {"id": 1, "name": "person", "isthing": 1, "color": [220, 20, 60]}
    assert len(content["categories"]) == 133


def test_names_are_of_the_place_first():
    """Neither two of one name nor one that no disk takes can get in each other's way."""
    names = ["a/cat.jpg", "b/cat.jpg", "http://x.org/a:b.png?c", "\\udcff.png"]
    found = [FORMS["coco"].encode(Item(i, 1, name, ""), bright(pixels(0))).png_name for i, name in enumerate(names)]
    assert found == ["00000000-cat.png", "00000001-cat.png", "00000002-a_b.png", "00000003-_udcff.png"]


@pytest.fixture
def rows(instances):
    """Lines of a panoptic result, of instances and of nothing."""
    results = [bright(pixels(NUMBER)), instances, bright(pixels(0))]
    return lines_of(*(FORMS["rle"].encode(Item(i, i + 1, f"{i}.png", ""), one) for i, one in enumerate(results)))


def check(found, instances):
    """Rows as they come back from a file."""
    assert [{**row, "segments_info": None} for row in found] == [
        {"image_id": i + 1, "file_name": f"{i}.png", "height": 6, "width": 8, "segments_info": None} for i in range(3)
    ]
    (cat,), both, none = (row["segments_info"] for row in found)
    assert np.array_equal(mask.decode(cat["segmentation"]), bright(pixels(NUMBER)).panoptic_seg == 1015)
    assert {name: cat[name] for name in cat if name != "segmentation"} == {
        "id": 1,
        "category_id": 17,
        "label": "cat",
        "isthing": True,
        "area": 18,
        "bbox": [0, 0, 3, 6],
        "score": round(NUMBER / 256, 6),
    }
    for number, segment in enumerate(both):
        assert segment["id"] == number + 1
        assert np.array_equal(mask.decode(segment["segmentation"]), instances.masks[number])
    assert none == []


def test_rle(tmp_path, rows, instances):
    FORMS["rle"].finish(tmp_path, rows, COCO_PANOPTIC)
    check([json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()], instances)


def test_parquet(tmp_path, rows, instances, monkeypatch):
    monkeypatch.setattr(forms, "ROWS", 2)  # rows are written in groups
    FORMS["parquet"].finish(tmp_path, rows, COCO_PANOPTIC)
    table = pyarrow.parquet.read_table(tmp_path / "results.parquet")
    assert pyarrow.parquet.ParquetFile(tmp_path / "results.parquet").num_row_groups == 2
    check(table.to_pylist(), instances)


@pytest.mark.parametrize("form", FORMS)
def test_no_results_at_all(tmp_path, form):
    FORMS[form].finish(tmp_path, lambda: iter(()), COCO_PANOPTIC)
    assert [path.name for path in tmp_path.iterdir()] == [FORMS[form].files[0]]


def test_instances_in_a_panoptic_file(instances):
    """There the better one has the pixels that they share."""
    record = FORMS["coco"].encode(ITEM, instances)
    infos = json.loads(record.line)["annotation"]["segments_info"]
    assert [(info["category_id"], info["area"]) for info in infos] == [(1, 20), (17, 16)]


def test_a_failure():
    record = failure(ITEM, "no such file")
    assert (record.index, record.failed, record.png) == (41, True, None)
    assert json.loads(record.line) == {
        "error": {
            "image": "/x/some/cat.jpg",
            "image_id": 42,
            "file_name": "some/cat.jpg",
            "error": "no such file",
        }
    }
