"""Where datasets are looked for."""

import os

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
        (("panoptic.json",), "../../x", r"no panoptic_\.\./\.\./x\.json"),
        (("ade20k_panoptic_train.json",), "val", r"no panoptic_val\.json .*Splits that are there: train\."),
        (("panoptic_a.json", "annotations/panoptic_a.json"), "a", r"several files of the split a"),
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


@pytest.mark.parametrize("name", ["é" * 128, "a/" * 2048])
def test_names_that_no_file_has(tmp_path, name):
    with pytest.raises(DatasetError, match=r"x\.json: file_name: longer than the name of a file may be; got"):
        path_inside(tmp_path, name, "x.json: file_name")


def test_a_name_that_has_a_drive_on_windows_alone(tmp_path):
    if os.name == "nt":
        with pytest.raises(DatasetError, match="expected the name of a file inside"):
            path_inside(tmp_path, "C:a.png", "")
    else:
        assert path_inside(tmp_path, "C:a.png", "") == tmp_path / "C:a.png"


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


CITYSCAPES = ("gtFine/cityscapes_panoptic_train.json", "gtFine/cityscapes_panoptic_train", "leftImg8bit/train/ulm")
TRAIN_IDS = tuple(name.replace("_train", "_train_trainId") for name in CITYSCAPES[:2])
ADE20K = ("ade20k_panoptic_train.json", "ade20k_panoptic_train", "images/training", "images/validation")
MAPILLARY = ("training/panoptic/panoptic_2018.json", "training/images", "training/labels")
MAPILLARY_2 = ("training/v2.0/panoptic/panoptic_2020.json", "training/v1.2/panoptic/panoptic_2018.json")


@pytest.mark.parametrize(
    ("names", "split", "json_name", "panoptic", "images"),
    [
        ((*CITYSCAPES, "gtFine/train/ulm"), None, CITYSCAPES[0], CITYSCAPES[1], "leftImg8bit/train"),
        ((*CITYSCAPES, *TRAIN_IDS), "train_trainId", TRAIN_IDS[0], TRAIN_IDS[1], "leftImg8bit/train"),
        (ADE20K, None, ADE20K[0], ADE20K[1], "images/training"),
        ((*ADE20K, "ade20k_panoptic_val.json", "ade20k_panoptic_val"), "train", *ADE20K[:3]),
        (MAPILLARY, None, MAPILLARY[0], "training/panoptic", "training/images"),
        ((*MAPILLARY, "validation/panoptic/panoptic_2018.json"), "training", MAPILLARY[0], "training/panoptic", None),
        (
            (*MAPILLARY_2, "training/images"),
            "training/v2.0",
            MAPILLARY_2[0],
            "training/v2.0/panoptic",
            "training/images",
        ),
        (("a_panoptic_b.json", "a_panoptic_b", "panoptic_coco_categories.json"), None, None, None, None),
    ],
)
def test_layouts_of_others(tmp_path, names, split, json_name, panoptic, images):
    make(tmp_path, *names)
    layout = find_layout(tmp_path, split=split)
    json_name, panoptic = json_name or names[0], panoptic or names[1]
    assert (layout.json_path, layout.panoptic) == (tmp_path / json_name, tmp_path / panoptic)
    assert layout.images == tmp_path / (images or ("training/images" if "training" in json_name else "images"))
    assert find_layout(tmp_path / json_name) == layout


def test_a_split_of_mapillary(tmp_path):
    make(tmp_path, *MAPILLARY_2, "training/images")
    with pytest.raises(DatasetError, match=r"several splits \(training/v1\.2, training/v2\.0\)"):
        find_layout(tmp_path)
    assert find_layout(tmp_path / "training", split="v2.0").json_path == tmp_path / MAPILLARY_2[0]


def test_cocos_file_of_instances(coco):
    layout = find_layout(coco, split="val2017")
    assert layout.instances == coco / "annotations" / "instances_val2017.json"
    assert find_layout(coco, split="train2017").instances is None
