"""Every way to say which images, and what is left out."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.images import kinds
from modelscope_swinpan.runs.listing import open_inputs


@pytest.fixture
def folder(tmp_path):
    """Images, and what is none."""
    root = tmp_path / "photos"
    for name in ("b.PNG", "a.jpg", "10.webp", "sub/c.tif", "sub/.d.jpg", ".hidden/e.jpg", "note.txt", "out/f.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(given, **options):
    return [(entry.name, entry.source) for entry in open_inputs(str(given), **options).entries()]


def listed(given, **options):
    """The names of the images, and the counts of what is left out."""
    inputs = open_inputs(given, **options)
    return [entry.name for entry in inputs.entries()], dict(inputs.left_out)


def picture(path, image_format="PNG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6)).save(path, image_format)


def test_a_folder(folder, monkeypatch):
    expected = [(name, str(folder / name)) for name in ("10.webp", "a.jpg", "b.PNG", "out/f.png", "sub/c.tif")]
    assert found(folder) == expected
    assert found(folder, leave_out=folder / "out") == expected[:3] + expected[4:]
    monkeypatch.chdir(folder)
    assert found(".") == found(f"../{folder.name}") == expected


def test_it_is_listed_anew_each_time(folder):
    inputs = open_inputs(str(folder))
    before = len(list(inputs.entries()))
    (folder / "z.png").touch()
    assert len(list(inputs.entries())) == before + 1


def test_a_pattern(folder, monkeypatch):
    assert found(f"{folder}/**/*.[jw]*") == [(str(folder / name),) * 2 for name in ("10.webp", "a.jpg")]
    monkeypatch.chdir(folder)
    everything = [name for name, _ in found("**")]
    assert everything == ["10.webp", "a.jpg", "b.PNG", "note.txt", "out/f.png", "sub/c.tif"]
    assert found("**", leave_out=Path("out"))[-1] == ("sub/c.tif", str(folder / "sub/c.tif"))
    assert len(found("**", leave_out=Path("out"))) == 5


def test_a_folder_whose_name_is_a_pattern(tmp_path):
    (tmp_path / "[a]").mkdir()
    (tmp_path / "[a]" / "x.png").touch()
    assert [name for name, _ in found(tmp_path / "[a]")] == ["x.png"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "The inputs are an empty text; expected a folder, a pattern"),
        ("nowhere", "nowhere: no such file or folder; expected a folder, a pattern"),
        ("photo.jpg", "photo.jpg: of a kind that lists no images; expected"),
    ],
)
def test_no_inputs_of_that_name(tmp_path, given, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").touch()
    with pytest.raises(ConfigError, match=message):
        open_inputs(given)


def test_nothing_is_opened(folder):
    """Listing must be quick: a pipe would block whoever opens it."""
    os.mkfifo(folder / "pipe.png")
    assert "pipe.png" in [name for name, _ in found(folder)]


def test_what_is_left_out_of_a_folder(folder):
    inputs = open_inputs(folder)
    for _ in range(2):
        list(inputs.entries())
        assert inputs.left_out == {"hidden": 1, "hidden (folder)": 1, "not an image": 1}
    (folder / "note.txt").unlink()
    list(inputs.entries())
    assert "not an image" not in inputs.left_out


def test_images_without_a_suffix_that_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "decodes_heif", lambda: False)
    for name in ("0001", "scan.0002", "photo.jpg.bak", "raw.nef", "b.png"):
        picture(tmp_path / name, "TIFF" if name == "raw.nef" else "PNG")
    for name, content in {
        "IMG_1.HEIC": b"",
        "IMG_2": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "readme": b"no image",
        "empty": b"",
        "drawing.SVG": b"<svg>",
        "b.png.xmp": b"<x:xmpmeta>",
    }.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to("none")
    assert listed(tmp_path) == (
        ["0001", "b.png", "photo.jpg.bak", "scan.0002"],
        {".heic": 2, ".nef": 1, ".svg": 1, "not an image": 3, "no file": 2},
    )
    monkeypatch.setattr(kinds, "decodes_heif", lambda: True)
    assert listed(tmp_path)[0][1:3] == ["IMG_1.HEIC", "IMG_2"]


def test_links_to_folders(tmp_path):
    root = tmp_path / "photos"
    picture(root / "own.png")
    picture(tmp_path / "store" / "deep" / "linked.png")
    picture(root / ".cache" / "kept.png")
    picture(root / "2024" / "a.png")
    (root / "camera").symlink_to("../store")
    (root / "best").symlink_to("2024")  # listed anyway, under its own name
    (root / "data").symlink_to(".cache")
    assert listed(root) == (
        ["own.png", "2024/a.png", "camera/deep/linked.png", "data/kept.png"],
        {"hidden (folder)": 1, "listed already (folder)": 1},
    )
    (tmp_path / "all").symlink_to("photos")
    assert listed(tmp_path / "all") == listed(root)


def test_links_in_circles(tmp_path):
    """Each folder is listed once; twenty links that lead to one another would otherwise be millions of folders."""
    for number in range(20):
        picture(tmp_path / "photos" / str(number) / "a.png")
        for other in ("x", "y"):
            (tmp_path / "photos" / str(number) / other).symlink_to(f"../{(number + 1) % 20}")
    (tmp_path / "photos" / "up").symlink_to("..")
    (tmp_path / "photos" / "self").symlink_to("self")
    for given in (tmp_path / "photos", f"{tmp_path}/photos/**/*.png", f"{tmp_path}/photos/**/**/*.png"):
        names, left_out = listed(given, leave_out=tmp_path / "out")
        assert len(names) == 20
        assert left_out["listed already (folder)"] >= 41


def test_folders_that_cannot_be_read(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert listed(tmp_path) == (["a.png"], {"unreadable (folder)": 1})


def test_the_results_are_not_left_out(folder):
    picture(folder / "out" / "panoptic" / "f.png")
    (folder / "latest").symlink_to("out")
    before = listed(folder)[1]
    names, left_out = listed(folder, leave_out=folder / "out")
    assert not any(name.startswith(("out", "latest")) for name in names)
    assert left_out == {name: count for name, count in before.items() if name != "listed already (folder)"}


def test_what_a_pattern_leaves_out(tmp_path):
    for name in ("a.png", "b[1].png", "sub/c.png", "set[2]/d.png", ".e.png"):
        picture(tmp_path / name)
    (tmp_path / "gone.png").symlink_to("nowhere")
    names, left_out = listed(f"{tmp_path}/*")
    assert [Path(name).name for name in names] == ["a.png", "b[1].png", "gone.png"]  # the last will be an error
    assert left_out == {"folder": 2}
    assert [Path(name).name for name in listed(f"{tmp_path}/set[2]/*.png")[0]] == ["d.png"]  # as it is written
    assert [Path(name).name for name in listed(f"{tmp_path}/**/*.png")[0]] == [
        *("a.png", "b[1].png", "gone.png", "d.png", "c.png")
    ]


def test_the_home_folder(tmp_path, monkeypatch):
    """The shell does not expand it in a quoted pattern."""
    picture(tmp_path / "photos" / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("~/photos", "~/photos/**/*.png", (tmp_path / "photos").as_uri()):
        assert [Path(name).name for name in listed(given)[0]] == ["a.png"]


def test_strict(folder):
    with pytest.raises(DatasetError, match=r"3 left out: 1 hidden, 1 hidden \(folder\), 1 not an image, and 5 images"):
        open_inputs(folder, strict=True).write(io.BytesIO())
    for given in (folder / "sub", folder / ".hidden"):
        for hidden in given.glob(".*"):
            hidden.unlink()
        assert open_inputs(given, strict=True).write(io.BytesIO())["count"] == 1


def test_only_what_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "decodes_heif", lambda: False)
    (tmp_path / "IMG_1.HEIC").touch()
    with pytest.raises(DatasetError, match=r"holds none\. 1 left out: 1 \.heic\.$"):
        open_inputs(tmp_path).write(io.BytesIO())
