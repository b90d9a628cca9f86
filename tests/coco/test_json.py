"""Every wrong field is named, with its file."""

import json

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.coco import json as coco_json
from modelscope_swinpan.coco.json import read_categories, read_images, read_json
from modelscope_swinpan.coco.remarks import JOINED, SHARED
from modelscope_swinpan.errors import DatasetError

from .datasets import content


def with_value(place, value):
    """The content of a JSON file with another value at a place."""
    changed = content()
    *parents, last = place
    target = changed
    for step in parents:
        target = target[step]
    target[last] = value
    return changed


def read(path, changed):
    path.write_text(json.dumps(changed))
    node = read_json(path)
    labels = {category.id: label for label, category in enumerate(read_categories(node))}
    return [entry.segments(labels) for entry in read_images(node)]


def test_labels_and_crowds(tmp_path):
    (listed,) = read(tmp_path / "a.json", content())
    assert (listed.labels, listed.crowds) == ({70000: 1, 300: 1, 5: 0}, {300})
    assert not listed.ambiguous
    assert not listed.remarks


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
        (("images",), None, r"a\.json\.images must be list; got nothing"),
        (("images",), 7, r"a\.json\.images must be list; got '7' \(int\)"),
        (("images", 1, "id"), 4, r"a\.json\.images\[1\]\.id: image 4 occurs twice"),
        (("images", 1, "height"), 0, r"images\[1\]\.height must lie between 1 and 65535; got 0"),
        (("images", 1, "width"), 4.5, r"images\[1\]\.width must be int; got '4\.5' \(float\)"),
        (("images", 1), 7, r"images\[1\] must be an object; got int"),
        (("annotations", 0, "image_id"), 43, r"annotations\[0\]\.image_id: no image has the id 43"),
        (("annotations",), content()["annotations"] * 2, r"annotations\[1\]\.image_id: image 42 is annotated twice"),
        (("annotations", 0, "segments_info"), {}, r"annotations\[0\]\.segments_info must be list"),
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
        (("categories", 1, "isthing"), "yes", r"categories\[1\]\.isthing must be int; got 'yes' \(str\)"),
        (("categories", 1, "isthing"), 0.5, r"categories\[1\]\.isthing must be int; got '0.5' \(float\)"),
        (("images", 1, "id"), [4], r"images\[1\]\.id must be int or str; got '\[4\]' \(list\)"),
        (("categories", 1, "color"), [1, 2], r"categories\[1\]\.color must hold red, green and blue"),
        (("categories", 1, "color"), "red", r"categories\[1\]\.color must be list; got 'red'"),
        (("categories", 1, "color"), [1, 2, 256], r"categories\[1\]\.color must hold red, green and blue"),
    ],
)
def test_wrong_fields(tmp_path, place, value, message):
    with pytest.raises(DatasetError, match=message):
        read(tmp_path / "a.json", with_value(place, value))


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


def test_another_encoding(tmp_path):
    (tmp_path / "a.json").write_bytes('{"name": "猫狗"}'.encode("gbk"))
    with pytest.raises(DatasetError, match=r"a\.json: not a JSON file in UTF-8.*Save it as UTF-8"):
        read_json(tmp_path / "a.json")


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_json(tmp_path / "a.json")


def test_a_huge_file(tmp_path, monkeypatch):
    monkeypatch.setattr(coco_json, "MAX_JSON_BYTES", 1)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DatasetError, match="over 1 bytes, the size limit"):
        read_json(tmp_path / "a.json")


def entries(tmp_path, changed):
    (tmp_path / "a.json").write_text(json.dumps(changed))
    return read_images(read_json(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("annotations", 0, "segments_info", 2, "id"), 5.0),
        (("annotations", 0, "segments_info", 2, "id"), "5"),
        (("annotations", 0, "segments_info", 2, "category_id"), "193"),
        (("annotations", 0, "segments_info", 2, "iscrowd"), None),
        (("annotations", 0, "segments_info", 2, "iscrowd"), False),
        (("annotations", 0, "segments_info", 1, "iscrowd"), True),
        (("annotations", 0, "segments_info", 1, "iscrowd"), 1.0),
        (("annotations", 0, "image_id"), "42"),
        (("images", 1, "id"), 42.0),
        (("categories", 1, "id"), 17.0),
        (("categories", 1, "isthing"), True),
        (("categories", 1, "color"), None),
        (("categories", 1, "color"), "#ff4dff"),
    ],
)
def test_what_has_one_meaning_is_read(tmp_path, place, value):
    (listed,) = read(tmp_path / "a.json", with_value(place, value))
    assert (listed.labels, listed.crowds) == ({70000: 1, 300: 1, 5: 0}, {300})


@pytest.mark.parametrize("form", ["columns", "by id", "text"])
def test_forms_of_a_list(tmp_path, form):
    changed = content()
    infos = changed["annotations"][0]["segments_info"]
    changed["annotations"][0]["segments_info"] = {
        "columns": {name: [info.get(name) for info in infos] for name in infos[0]},
        "by id": {str(info["id"]): info for info in infos},
        "text": json.dumps(infos),
    }[form]
    (listed,) = read(tmp_path / "a.json", changed)
    assert (listed.labels, listed.crowds) == ({70000: 1, 300: 1, 5: 0}, {300})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings(tmp_path, encoding):
    (tmp_path / "a.json").write_text(json.dumps(content()), encoding=encoding)
    assert len(read_images(read_json(tmp_path / "a.json"))) == 1


def test_ids_that_are_texts_match_images_to_annotations(tmp_path):
    """As cityscapesScripts writes them."""
    changed = content()
    changed["images"][0]["id"], changed["images"][1]["id"] = "ulm_000001_000019", "ulm_000000_000019"
    changed["annotations"][0]["image_id"] = "ulm_000000_000019"
    (entry,) = entries(tmp_path, changed)
    assert (entry.key, entry.id, entry.name) == ("ulm_000000_000019", 2, "42.png")


def test_numbers_of_images_do_not_meet_ids(tmp_path):
    changed = content()
    changed["images"] = [{**changed["images"][1], "id": key} for key in ("b", "7", 3)]
    changed["annotations"] = [{**changed["annotations"][0], "image_id": key} for key in ("b", 7, "3")]
    assert [(entry.key, entry.id) for entry in entries(tmp_path, changed)] == [("b", 8), ("7", 9), ("3", 10)]


def test_segments_of_one_id(tmp_path):
    changed = content()
    infos = changed["annotations"][0]["segments_info"]
    infos += [{"id": 70000, "category_id": 17}, {"id": 5, "category_id": 17}]
    (listed,) = read(tmp_path / "a.json", changed)
    assert listed.ambiguous == {5}
    assert [(remark.kind, remark.number) for remark in listed.remarks] == [(SHARED, 2), (JOINED, 1)]


def test_names_that_are_absent(tmp_path):
    changed = content()
    del changed["annotations"][0]["file_name"], changed["images"][1]["height"], changed["images"][1]["width"]
    changed["images"][1]["file_name"] = "a/42.jpg"
    (entry,) = entries(tmp_path, changed)
    assert (entry.png_name, entry.size) == ("a/42.png", (0, 0))


def test_categories_without_isthing(tmp_path):
    changed = content()
    del changed["categories"][0]["isthing"], changed["categories"][1]["isthing"]
    (tmp_path / "a.json").write_text(json.dumps(changed))
    node = read_json(tmp_path / "a.json")
    assert [category.isthing for category in read_categories(node, lambda: {17: "cat"})] == [False, True]
    for things in (None, {17: "dog", 193: "grass"}):
        with pytest.raises(
            DatasetError, match=r"categories\[.\]\.isthing: nothing tells whether .* Add isthing to each"
        ):
            read_categories(node, lambda things=things: things)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ({"id": 1, "segmentation": [[0, 0, 1, 1, 2, 2]], "bbox": [0, 0, 1, 1]}, "instances"),
        ({"bbox": [0, 0, 1, 1], "score": 0.5}, "instances"),
        ({"id": 1, "caption": "a cat"}, "captions"),
        ({"id": 1, "keypoints": [1], "bbox": [0, 0, 1, 1], "segmentation": []}, "keypoints"),
    ],
)
@pytest.mark.parametrize("as_results", [True, False])
def test_cocos_other_files_are_named(tmp_path, annotation, kind, as_results):
    listed = [{**annotation, "image_id": 42, "category_id": 17}] * 2
    with pytest.raises(DatasetError, match=rf"a\.json: this file holds {kind} .*expected COCO's panoptic format"):
        entries(tmp_path, listed if as_results else {**content(), "annotations": listed})
