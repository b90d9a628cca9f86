"""Every wrong field is named, with its file."""

import json

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.coco import json as coco_json
from modelscope_swinpan.coco.json import read_categories, read_images, read_json
from modelscope_swinpan.errors import DatasetError

from .datasets import content


def read(path, changed):
    path.write_text(json.dumps(changed))
    node = read_json(path)
    labels = {category.id: label for label, category in enumerate(read_categories(node))}
    return [entry.segments(labels) for entry in read_images(node)]


def test_labels_and_crowds(tmp_path):
    assert read(tmp_path / "a.json", content()) == [({70000: 1, 300: 1, 5: 0}, {300})]


def test_categories(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content()))
    grass, cat = read_categories(read_json(path))
    assert grass == Category(193, "grass", False, COCO_PANOPTIC[0].color)
    assert cat == Category(17, "cat", True, (255, 77, 255))


def test_images_have_the_annotations_order(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content()))
    (entry,) = read_images(read_json(path))
    assert (entry.id, entry.name, entry.size, entry.png_name) == (42, "42.png", (2, 4), "42.png")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("images",), None, r"a\.json\.images must be list; got 'None' \(NoneType\)"),
        (("images", 1, "id"), 4, r"a\.json\.images\[1\]\.id: image 4 occurs twice"),
        (("images", 1, "height"), 0, r"images\[1\]\.height must lie between 1 and 65535; got 0"),
        (("images", 1, "width"), 4.5, r"images\[1\]\.width must be int; got '4\.5' \(float\)"),
        (("images", 1), 7, r"images\[1\] must be an object; got int"),
        (("annotations", 0, "image_id"), 43, r"annotations\[0\]\.image_id: no image has the id 43"),
        (("annotations",), content()["annotations"] * 2, r"annotations\[1\]\.image_id: image 42 is annotated twice"),
        (("annotations", 0, "segments_info"), {}, r"annotations\[0\]\.segments_info must be list"),
        (("annotations", 0, "segments_info", 2, "id"), 300, r"segments_info\[2\]\.id: segment 300 occurs twice"),
        (
            ("annotations", 0, "segments_info", 2, "id"),
            256**3,
            r"segments_info\[2\]\.id must lie between 1 and 16777215",
        ),
        (
            ("annotations", 0, "segments_info", 2, "id"),
            True,
            r"segments_info\[2\]\.id must be int; got 'True' \(bool\)",
        ),
        (("annotations", 0, "segments_info", 1, "iscrowd"), 2, r"segments_info\[1\]\.iscrowd must lie between 0 and 1"),
        (
            ("annotations", 0, "segments_info", 0, "category_id"),
            18,
            r"a\.json\.annotations\[0\]\.segments_info\[0\]\.category_id: no category has the id 18",
        ),
        (("categories", 1, "id"), 193, r"categories\[1\]\.id: category 193 occurs twice"),
        (("categories", 1, "isthing"), "1", r"categories\[1\]\.isthing must be int; got '1' \(str\)"),
        (("categories", 1, "color"), [1, 2, 256], r"categories\[1\]\.color must hold red, green and blue"),
    ],
)
def test_wrong_fields(tmp_path, place, value, message):
    changed = content()
    *parents, last = place
    target = changed
    for step in parents:
        target = target[step]
    target[last] = value
    with pytest.raises(DatasetError, match=message):
        read(tmp_path / "a.json", changed)


@pytest.mark.parametrize("name", ["images", "annotations", "categories"])
def test_missing_fields(tmp_path, name):
    changed = content()
    del changed[name]
    with pytest.raises(DatasetError, match=rf"a\.json\.{name} must be list; got nothing"):
        read(tmp_path / "a.json", changed)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_no_json(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(DatasetError, match=r"a\.json: not a JSON file"):
        read_json(tmp_path / "a.json")


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_json(tmp_path / "a.json")


def test_a_huge_file(tmp_path, monkeypatch):
    monkeypatch.setattr(coco_json, "MAX_JSON_BYTES", 1)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DatasetError, match="over 1 bytes, the size limit"):
        read_json(tmp_path / "a.json")
