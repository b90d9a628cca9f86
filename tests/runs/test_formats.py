"""What each format keeps of an image, and the files that are made of all images."""

import io
import json
import pickle

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image
from pycocotools import mask

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.inference.results import InstanceResult
from modelscope_swinpan.runs import formats
from modelscope_swinpan.runs.formats import CocoPanopticSink, LinesSink, OverlaysSink, ParquetSink, ResultsSink
from modelscope_swinpan.runs.inputs import Entry, Inputs, Item
from modelscope_swinpan.runs.registry import FORMATS, make_sink
from modelscope_swinpan.structures import Segment
from tests.runs.fakes import bright, pixels

ITEM = Item(41, 42, "some/cat.jpg", "/x/some/cat.jpg", "00000041-cat")
NUMBER = 67
"""Of a picture whose three leftmost columns are bright."""


SINKS = [known.name for known in FORMATS.values() if known.sink]


def encode(sink, item, number_or_result):
    result = bright(pixels(number_or_result)) if isinstance(number_or_result, int) else number_or_result
    return sink.encode(item, result, pixels(0))


def entries_of(*encoded):
    entries = [json.loads(json.dumps(one.entry)) for one in encoded]
    return lambda: iter(entries)


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
    sink = CocoPanopticSink()
    found = encode(sink, ITEM, NUMBER)
    assert list(found.files) == ["panoptic/00000041-cat.png"]
    ids = ids_from_colors(np.asarray(Image.open(io.BytesIO(found.files["panoptic/00000041-cat.png"]))))
    assert np.array_equal(ids, np.tile([1, 1, 1, 0, 0, 0, 0, 0], (6, 1)))
    nothing = encode(sink, Item(42, 7, "b.png", "/x/b.png", "00000042-b"), 0)
    sink.finish(tmp_path, entries_of(found, nothing), COCO_PANOPTIC)
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


def test_coco_of_some_categories_with_other_ids(tmp_path):
    """The others are void, and not listed."""
    for ids, listed in (({17: 3}, [3]), ({18: 4}, [])):
        sink = CocoPanopticSink(ids)
        found = encode(sink, ITEM, NUMBER)
        assert [segment["category_id"] for segment in found.entry["annotation"]["segments_info"]] == listed
        sink.finish(tmp_path, lambda entry=found.entry: iter([entry]), COCO_PANOPTIC)
        (category,) = json.loads((tmp_path / "panoptic.json").read_text())["categories"]
        assert (category["id"], category["name"]) == ((3, "cat") if listed else (4, "dog"))
        (png,) = found.files.values()
        assert len(np.unique(np.asarray(Image.open(io.BytesIO(png))))) == 1 + len(listed)


def test_names_are_of_the_place_first():
    """Neither two of one name nor one that no disk takes can get in each other's way."""
    names = ["a/cat.jpg", "b/cat.jpg", "http://x.org/a:b.png?c", "\udcff.png"]
    file = io.BytesIO()
    Inputs(entries=lambda: (Entry(name, name) for name in names)).write(file)
    items = [Item(**json.loads(line)) for line in file.getvalue().splitlines()]
    found = [next(iter(encode(CocoPanopticSink(), item, 0).files)) for item in items]
    assert found == [f"panoptic/0000000{name}.png" for name in ("0-cat", "1-cat", "2-a_b", "3-_udcff")]


def test_overlays(instances):
    found = encode(OverlaysSink(), ITEM, instances)
    assert list(found.files) == ["overlays/00000041-cat.png"]
    picture = np.asarray(Image.open(io.BytesIO(found.files["overlays/00000041-cat.png"])))
    assert np.array_equal(picture, np.asarray(instances.to_pil(Image.fromarray(pixels(0)))))


def test_results(tmp_path, instances):
    sink = ResultsSink()
    found = encode(sink, ITEM, instances)
    assert found.entry == instances.to_coco(42)
    sink.finish(tmp_path, entries_of(found, encode(sink, ITEM, 0), found), COCO_PANOPTIC)
    assert json.loads((tmp_path / "instances.json").read_text()) == 2 * instances.to_coco(42)


@pytest.fixture
def rows(instances):
    """Lines of a panoptic result, of instances and of nothing."""
    results = [bright(pixels(NUMBER)), instances, bright(pixels(0))]
    return entries_of(*(encode(LinesSink(), Item(i, i + 1, f"{i}.png", "", ""), one) for i, one in enumerate(results)))


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
    LinesSink().finish(tmp_path, rows, COCO_PANOPTIC)
    check([json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()], instances)


def test_parquet(tmp_path, rows, instances, monkeypatch):
    monkeypatch.setattr(formats, "ROWS", 2)  # rows are written in groups
    ParquetSink().finish(tmp_path, rows, COCO_PANOPTIC)
    table = pyarrow.parquet.read_table(tmp_path / "results.parquet")
    assert pyarrow.parquet.ParquetFile(tmp_path / "results.parquet").num_row_groups == 2
    check(table.to_pylist(), instances)


@pytest.mark.parametrize("name", SINKS)
def test_no_results_at_all(tmp_path, name):
    sink = make_sink(name)
    sink.finish(tmp_path, lambda: iter(()), COCO_PANOPTIC)
    assert {path.name for path in tmp_path.iterdir()} == {file for file in sink.files if "." in file}


@pytest.mark.parametrize("name", SINKS)
def test_sinks_pickle(name, instances):
    """They go to other machines."""
    sink = pickle.loads(pickle.dumps(make_sink(name)))
    assert sink.name == name
    encode(sink, ITEM, instances)


def test_instances_in_a_panoptic_file(instances):
    """There the better one has the pixels that they share."""
    infos = encode(CocoPanopticSink(), ITEM, instances).entry["annotation"]["segments_info"]
    assert [(info["category_id"], info["area"]) for info in infos] == [(1, 20), (17, 16)]
