"""Where datasets are looked for."""

import pytest

from modelscope_swinpan.coco.layout import find_images, find_layout, path_inside
from modelscope_swinpan.errors import DatasetError


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if "." not in name else path.write_text("{}")
    return folder


@pytest.fixture
def coco(tmp_path):
    """COCO as it is unpacked."""
    for split in ("train2017", "val2017"):
        make(tmp_path, split, f"annotations/panoptic_{split}", f"annotations/panoptic_{split}.json")
    make(tmp_path, "annotations/instances_val2017.json")
    return tmp_path


def test_a_split_of_coco(coco):
    by_split = find_layout(coco, split="val2017")
    assert by_split.json_path == coco / "annotations" / "panoptic_val2017.json"
    assert by_split.panoptic == coco / "annotations" / "panoptic_val2017"
    assert by_split.images == coco / "val2017"
    assert find_layout(coco / "annotations" / "panoptic_val2017.json") == by_split


def test_several_splits(coco):
    with pytest.raises(DatasetError, match=r"several splits \(train2017, val2017\)"):
        find_layout(coco)


def test_our_own(tmp_path):
    make(tmp_path, "panoptic.json", "panoptic", "images")
    layout = find_layout(tmp_path)
    assert layout == find_layout(tmp_path / "panoptic.json")
    assert (layout.panoptic, layout.images) == (tmp_path / "panoptic", tmp_path / "images")


def test_folders_beside_the_annotations(tmp_path):
    make(tmp_path, "annotations/panoptic_a.json", "panoptic_a", "images/a")
    layout = find_layout(tmp_path)
    assert (layout.panoptic, layout.images) == (tmp_path / "panoptic_a", tmp_path / "images" / "a")


def test_given_folders_count(coco, tmp_path):
    layout = find_layout(coco, split="val2017", images=tmp_path / "x")
    assert (layout.panoptic, layout.images) == (coco / "annotations" / "panoptic_val2017", tmp_path / "x")
    layout = find_layout(coco, split="val2017", images=tmp_path / "x", panoptic=tmp_path / "y")
    assert (layout.panoptic, layout.images) == (tmp_path / "y", tmp_path / "x")


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        ((), None, r"no panoptic\*\.json there or in its folder annotations"),
        (("panoptic.json", "panoptic"), "val", r"no panoptic_val\.json"),
        (("panoptic.json",), None, r"its PNGs were expected in the folder .*panoptic\."),
        (("panoptic.json",), "../../x", r"split: expected the name of a file inside"),
    ],
)
def test_missing(tmp_path, names, split, message):
    with pytest.raises(DatasetError, match=message):
        find_layout(make(tmp_path, *names), split=split)


def test_no_such_folder(tmp_path):
    with pytest.raises(DatasetError, match="no such dataset"):
        find_layout(tmp_path / "none")


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/passwd", "C:\\a.png", "a\\..\\b.png", "", "\0"])
def test_names_that_lead_out(tmp_path, name):
    with pytest.raises(DatasetError, match=r"x\.json: file_name: expected the name of a file inside"):
        path_inside(tmp_path, name, "x.json: file_name")


def test_names_inside(tmp_path):
    assert path_inside(tmp_path, "a/b..c.png", "") == tmp_path / "a" / "b..c.png"


@pytest.mark.parametrize(
    ("json_name", "folder"),
    [
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/image_info_test-dev2017.json", "test-dev2017"),
        ("panoptic_a.json", "images/a"),
        ("person_keypoints_a.json", "images/a"),
        ("a.json", "images"),
        ("instances_b.json", "images"),
    ],
)
def test_images_of_any_coco_json(tmp_path, json_name, folder):
    make(tmp_path, "val2017", "test-dev2017", "images/a")
    assert find_images(tmp_path / json_name) == tmp_path / folder
