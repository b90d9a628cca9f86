"""What the writer leaves on disk: COCO panoptic files, whole or not at all."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.encoding import colors_from_ids, ids_from_colors
from modelscope_swinpan.coco.writer import CocoPanopticWriter, write_dataset
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.structures import Segment


@pytest.fixture
def result():
    """A cat on grass, void at the left."""
    panoptic_seg = np.array([[133, 125, 125, 125], [133, 1015, 1015, 125], [133, 1015, 125, 125]], np.int32)
    cat = Segment(1015, 15, 17, "cat", True, 3, (1, 1, 3, 3), 0.75)
    grass = Segment(125, 125, 193, "grass-merged", False, 6, (1, 0, 4, 3), 0.5)
    return PanopticResult(panoptic_seg, (cat, grass), 133)


@pytest.fixture
def empty():
    return PanopticResult(np.full((2, 3), 133, np.int32), (), 133)


def ids_of(png):
    pixels = np.asarray(Image.open(png)).astype(int)
    assert pixels.ndim == 3
    return pixels @ (1, 256, 256**2)


def test_json_and_pngs(tmp_path, result, empty):
    with CocoPanopticWriter(tmp_path / "new" / "panoptic.json", COCO_PANOPTIC) as writer:
        writer.add("photos/cat.jpg", "cat.png", result)
        writer.add("void.jpg", "void.png", empty)
    content = json.loads((tmp_path / "new" / "panoptic.json").read_text())
    assert content["images"] == [
        {"id": 1, "file_name": "photos/cat.jpg", "height": 3, "width": 4},
        {"id": 2, "file_name": "void.jpg", "height": 2, "width": 3},
    ]
    assert content["annotations"] == [
        {
            "image_id": 1,
            "file_name": "cat.png",
            "segments_info": [
                {"id": 1, "category_id": 17, "area": 3, "bbox": [1, 1, 2, 2], "iscrowd": 0, "score": 0.75},
                {"id": 2, "category_id": 193, "area": 6, "bbox": [1, 0, 3, 3], "iscrowd": 0, "score": 0.5},
            ],
        },
        {"image_id": 2, "file_name": "void.png", "segments_info": []},
    ]
    assert len(content["categories"]) == 133
    assert content["categories"][0] == {"id": 1, "name": "person", "isthing": 1, "color": [220, 20, 60]}
    assert content["categories"][80]["isthing"] == 0
    folder = tmp_path / "new" / "panoptic"
    assert ids_of(folder / "cat.png").tolist() == [[0, 2, 2, 2], [0, 1, 1, 2], [0, 1, 2, 2]]
    assert ids_of(folder / "void.png").tolist() == [[0] * 3] * 2
    assert sorted(path.name for path in (tmp_path / "new").rglob("*.*")) == ["cat.png", "panoptic.json", "void.png"]


@given(st.integers(0, 256**3 - 1))
def test_ids_as_colours(number):
    red, green, blue = colors_from_ids(np.array([[number]], np.int32))[0, 0].astype(int)
    assert red + 256 * green + 256**2 * blue == number


@given(st.lists(st.integers(0, 256**3 - 1), min_size=1))
def test_colours_as_ids(numbers):
    ids = np.array([numbers], np.int32)
    assert np.array_equal(ids_from_colors(colors_from_ids(ids)), ids)


def test_a_dataset_keeps_ids_and_crowds(tmp_path):
    ids = np.array([[0, 7, 7], [256**3 - 1, 7, 0]], np.int32)
    truth = annotate(ids, {7: 125, 256**3 - 1: 0}, crowds={256**3 - 1})
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    example = Example(segment_ids=ids, segments=truth.segments, image=image)
    write_dataset(tmp_path / "new", [example, example], COCO_PANOPTIC)
    content = json.loads((tmp_path / "new" / "panoptic.json").read_text())
    assert [entry["file_name"] for entry in content["images"]] == ["000001.png", "000002.png"]
    assert content["annotations"][1]["segments_info"] == [
        {"id": 7, "category_id": 193, "area": 3, "bbox": [1, 0, 2, 2], "iscrowd": 0},
        {"id": 256**3 - 1, "category_id": 1, "area": 1, "bbox": [0, 1, 1, 1], "iscrowd": 1},
    ]
    assert np.array_equal(ids_of(tmp_path / "new" / "panoptic" / "000002.png"), ids)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "new" / "images" / "000002.png")), image)


def test_an_exception_leaves_no_json(tmp_path, result):
    path = tmp_path / "panoptic.json"
    path.write_text("of a former run")

    def interrupted():
        with CocoPanopticWriter(path, COCO_PANOPTIC) as writer:
            writer.add("cat.jpg", "cat.png", result)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not path.exists()


def test_two_images_with_one_png_name(tmp_path, result):
    with CocoPanopticWriter(tmp_path / "panoptic.json", COCO_PANOPTIC) as writer:
        writer.add("a/cat.jpg", "cat.png", result)
        with pytest.raises(ConfigError, match=r"cat\.png is there already"):
            writer.add("b/cat.jpg", "cat.png", result)


def test_names_that_json_cannot_hold(tmp_path, result):
    with CocoPanopticWriter(tmp_path / "panoptic.json", COCO_PANOPTIC) as writer:
        writer.add("猫 \udcff.jpg", "cat.png", result)
    content = json.loads((tmp_path / "panoptic.json").read_text(encoding="utf-8"))
    assert content["images"][0]["file_name"] == "猫 \udcff.jpg"
