"""Files by the names that people's JSON files give them."""

import pickle

import pytest

from modelscope_swinpan.coco.folder import Folder, image_sources
from modelscope_swinpan.coco.values import Node
from modelscope_swinpan.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "data" / "images"
    for name in ("a.png", "train/b.png", "ulm/ulm_1_leftImg8bit.png", "x/y/c.png", "x/twice.png", "z/twice.png"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).touch()
    return images


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "a.png"),
        ("./a.png", "a.png"),
        ("train\\b.png", "train/b.png"),
        ("b.png", "train/b.png"),
        ("images/a.png", "a.png"),
        ("data/images/a.png", "a.png"),
        ("images\\train\\b.png", "train/b.png"),
        ("y/c.png", "x/y/c.png"),
        ("ulm_1_gtFine_leftImg8bit.png", "ulm/ulm_1_leftImg8bit.png"),
        ("a.jpg", "a.png"),
        ("a", "a.png"),
        ("x/twice.png", "x/twice.png"),
        ("missing.png", "missing.png"),
        ("q/a.png", "q/a.png"),
    ],
)
def test_names(folder, name, expected):
    assert Folder(folder).find(name, "", suffix=".png") == folder / expected
    assert pickle.loads(pickle.dumps(Folder(folder))).find(name, "", suffix=".png") == folder / expected


def test_absolute_names_inside(folder):
    assert Folder(folder).find(str(folder / "a.png"), "") == folder / "a.png"
    for name in (str(folder.parent / "b.png"), str(folder / ".." / "b.png"), "../b.png", "images/../../b.png", ""):
        with pytest.raises(DatasetError, match="where: expected the name of a file inside"):
            Folder(folder).find(name, "where")


def test_names_of_several_files(folder):
    with pytest.raises(DatasetError, match=r"where: 'twice\.png' may be .*twice\.png or .*twice\.png in"):
        Folder(folder).find("twice.png", "where")


def test_a_name_as_written_counts(folder):
    (folder / "train\\b.png").touch()
    assert Folder(folder).find("train\\b.png", "") == folder / "train\\b.png"


def test_linked_folders(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.png").touch()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(folder)
    assert Folder(folder).find("far.png", "") == folder / "linked" / "far.png"


def test_images_of_any_coco_json(folder):
    names = ("b.png", "a.png", "https://host/a.png")
    listed = Node({"images": [{"id": f"id of {name}", "file_name": name} for name in names]}, "a.json")
    assert list(image_sources(listed, folder)) == [
        (1, "b.png", str(folder / "train" / "b.png")),
        (2, "a.png", str(folder / "a.png")),
        (3, "https://host/a.png", "https://host/a.png"),
    ]


def test_other_spellings_may_be_too_long(tmp_path):
    name = "a" * 253
    assert Folder(tmp_path).find(name, "x.json", suffix=".png") == tmp_path / name
