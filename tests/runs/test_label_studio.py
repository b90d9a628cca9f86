"""Label Studio's tasks, read by their documented form."""

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.run import run_images
from tests.runs.annotated import filled, iou, item, write
from tests.runs.fakes import BrightPredictor, photos
from tests.runs.test_brush import decode


def test_brush(tmp_path):
    sources = ["/photos/a cat?.jpg", "https://x.org/b.png", 7]
    found = write(tmp_path, "labelstudio", *(item(i, f"{i}.png", source) for i, source in enumerate(sources)))
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    local, address, row = (task["data"] for task in tasks)
    assert unquote(local["image"].removeprefix("/data/local-files/?d=")) == "photos/a cat?.jpg"
    assert "?" not in local["image"].removeprefix("/data/local-files/?d=")
    assert address == {"image": "https://x.org/b.png", "file_name": "1.png", "image_id": 2}
    assert row["image"] == "2.png"
    for task in tasks:
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == "swinpan"
        assert prediction["score"] == pytest.approx(0.5)
        for segment, region in zip(found.segments, prediction["result"], strict=True):
            assert (region["type"], region["from_name"], region["to_name"]) == ("brushlabels", "brush", "image")
            assert (region["original_width"], region["original_height"]) == (128, 96)
            assert region["score"] == segment.score
            assert region["value"]["brushlabels"] == [segment.label]
            assert region["value"]["format"] == "rle"
            assert np.array_equal(decode(region["value"]["rle"], found.shape), found.mask(segment))


def test_an_image_in_the_list_itself(tmp_path):
    write(tmp_path, "labelstudio", item(0, "data:image/png;base64", "data:image/png;base64,iVBO"))
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    assert task["data"]["image"] == "data:image/png;base64,iVBO"


def test_polygons(tmp_path):
    found = write(tmp_path, "labelstudio-polygons")
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    for segment, region in zip(found.segments, task["predictions"][0]["result"], strict=True):
        assert (region["type"], region["from_name"]) == ("polygonlabels", "polygon")
        assert region["value"]["polygonlabels"] == [segment.label]
        polygon = np.array(region["value"]["points"]) * (1.28, 0.96)
        assert iou(filled(found.shape, polygon), found.mask(segment)) > 0.95


def test_the_configuration_has_what_the_regions_name(tmp_path):
    write(tmp_path, "labelstudio")
    view = ElementTree.parse(tmp_path / "label-config.xml").getroot()
    image, *tools = view
    assert (image.tag, image.get("name"), image.get("value")) == ("Image", "image", "$image")
    assert [(tool.tag, tool.get("name"), tool.get("toName")) for tool in tools] == [
        ("BrushLabels", "brush", "image"),
        ("PolygonLabels", "polygon", "image"),
    ]
    for tool in tools:
        assert [label.get("value") for label in tool] == [category.name for category in COCO_PANOPTIC]


def test_the_version_is_that_of_the_weights(tmp_path):
    folder = photos(tmp_path / "photos", 2)  # nothing is found in the first
    run_images(BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", sinks=["labelstudio"])
    digest = json.loads((tmp_path / "out" / "run.json").read_text())["weights_sha256"]
    nothing, cat = (task["predictions"][0] for task in json.loads((tmp_path / "out" / "tasks.json").read_text()))
    assert nothing == {"model_version": f"swinpan-{digest[:12]}", "result": []}
    assert cat["model_version"] == f"swinpan-{digest[:12]}"
    assert len(cat["result"]) == 1
