"""Files by the names that people's JSON files give them."""

import os
import pickle
import unicodedata
import warnings

import pytest

from modelscope_swinpan.coco.folder import Folder, image_sources
from modelscope_swinpan.coco.values import Node
from modelscope_swinpan.errors import DatasetError
from tests.closed_folder import closed_folder


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


def test_accents_in_both_forms_of_unicode(tmp_path):
    for form, other in (("NFC", "NFD"), ("NFD", "NFC")):
        folder = tmp_path / form
        file = folder / unicodedata.normalize(form, "bär") / unicodedata.normalize(form, "été.png")
        file.parent.mkdir(parents=True)
        file.touch()
        for name in ("bär/été.png", "été.png", "bär\\été.png"):
            assert Folder(folder).find(unicodedata.normalize(other, name), "").samefile(file)


@pytest.mark.timeout(60)  # it takes three seconds
@pytest.mark.parametrize("above", ["", "/home/ann/default/"])
@pytest.mark.filterwarnings("ignore:.*is a path of another machine")
def test_many_files_of_one_name(tmp_path, monkeypatch, above):
    scenes = [f"scene-{number}" for number in range(20_000)]
    walked = [(f"{tmp_path}/default/{scene}/rgb", [], ["image.png"]) for scene in scenes]
    monkeypatch.setattr(os, "walk", lambda path, **options: iter(walked))
    folder = Folder(tmp_path)
    found = [folder.find(f"{above}{scene}/rgb/image.png", "") for scene in scenes]
    assert found == [tmp_path / "default" / scene / "rgb" / "image.png" for scene in scenes]


def test_a_suffix_in_capitals(tmp_path):
    """As cameras write it, and as other systems do not tell it apart."""
    (tmp_path / "a.JPG").touch()
    assert Folder(tmp_path).find("a.jpg", "").samefile(tmp_path / "a.JPG")


def test_absolute_names_inside(folder):
    assert Folder(folder).find(str(folder / "a.png"), "") == folder / "a.png"
    for name in (str(folder / ".." / "b.png"), "../b.png", "images/../../b.png", "", "/", "C:\\", "/x/../b.png"):
        with pytest.raises(DatasetError, match="where: expected the name of a file inside"):
            Folder(folder).find(name, "where")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/home/ann/b.png", "train/b.png"),
        ("C:\\data\\b.png", "train/b.png"),
        ("C:/data/b.png", "train/b.png"),
        ("\\\\server\\share\\b.png", "train/b.png"),
        ("/home/ann/x/twice.png", "x/twice.png"),  # of two of its name, that with the same folder
        ("D:\\all\\z\\twice.png", "z/twice.png"),
    ],
)
def test_absolute_names_of_another_machine(folder, name, expected):
    files = Folder(folder)
    with pytest.warns(UserWarning, match=r"where: .* is a path of another machine"):
        assert files.find(name, "where") == folder / expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one is enough
        assert files.find(name, "where") == folder / expected
        assert files.find("/home/ann/gone.png", "where") == folder / "gone.png"


def test_absolute_names_of_several_files(folder):
    for name in ("/home/ann/twice.png", "E:\\twice.png"):
        with pytest.raises(DatasetError, match=r"where: .* may be .*twice\.png or .*twice\.png in"):
            Folder(folder).find(name, "where")
    (folder / "thumbs").mkdir()
    (folder / "thumbs" / "a.png").touch()
    with pytest.raises(DatasetError, match=r"may be .*a\.png or .*a\.png in"):
        Folder(folder).find("/home/ann/a.png", "where")
    with pytest.warns(UserWarning, match="another machine"):
        assert Folder(folder).find("/home/ann/images/a.png", "where") == folder / "a.png"
    (folder / "twice.png").touch()  # also the end of the path
    with pytest.raises(DatasetError, match=r"may be .*twice\.png or .*twice\.png in"):
        Folder(folder).find("/home/ann/x/twice.png", "where")
    files = Folder(folder)
    with pytest.warns(UserWarning, match="another machine"):
        files.find("/home/ann/b.png", "first")
    with pytest.raises(DatasetError, match=r"second: both '/home/bob/b\.png' and '/home/ann/b\.png' would be train/b"):
        files.find("/home/bob/b.png", "second")


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


def test_a_folder_that_may_not_be_read(folder):
    """No other file is taken for one in it; whoever opens it is told why not."""
    with closed_folder(folder / "y"), closed_folder(folder / "x"):
        assert Folder(folder).find("x/twice.png", "here") == folder / "x" / "twice.png"
        assert Folder(folder).find("y/c.png", "here") == folder / "y" / "c.png"
