"""Every way to say which images."""

import json
import os
from pathlib import Path

import pytest

from modelscope_swinpan.errors import ConfigError, DatasetError
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
    ("name", "content"),
    [
        ("list.txt", "a.jpg\n\n  sub/b c.jpg\r\nhttp://x.org/c.jpg\n/d.jpg"),
        ("list.TXT", "\ufeffa.jpg\nsub/b c.jpg\nhttp://x.org/c.jpg\n/d.jpg\n"),
        ("list.csv", "label,image\n1,a.jpg\n2,sub/b c.jpg\n3,http://x.org/c.jpg\n4,/d.jpg\n"),
        ("list.csv", '\ufeffInputImage:FILE,image\na.jpg,x\n"sub/b c.jpg",x\nhttp://x.org/c.jpg,x\n/d.jpg,x\n'),
        (
            "list.jsonl",
            '{"image":"a.jpg"}\n\n{"image":"sub/b c.jpg"}\n{"image":"http://x.org/c.jpg"}\n{"image":"/d.jpg"}',
        ),
    ],
)
def test_lists(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    names = ["a.jpg", "sub/b c.jpg", "http://x.org/c.jpg", "/d.jpg"]

    def under(base):
        return list(zip(names, [f"{base}/a.jpg", f"{base}/sub/b c.jpg", "http://x.org/c.jpg", "/d.jpg"], strict=True))

    assert found(tmp_path / name) == under(tmp_path)
    assert found(tmp_path / name, images=Path("/elsewhere")) == under("/elsewhere")


def coco(*images):
    return json.dumps({"images": list(images), "annotations": "not looked at"})


def test_coco(tmp_path):
    file = tmp_path / "annotations" / "instances_val.json"
    for folder in (file.parent, tmp_path / "val"):
        folder.mkdir()
    file.write_text(coco({"id": 9, "file_name": "a.jpg"}, {"id": 3, "file_name": "x/b.jpg"}))
    entries = list(open_inputs(str(file)).entries())
    assert [(entry.image_id, entry.name) for entry in entries] == [(9, "a.jpg"), (3, "x/b.jpg")]
    assert entries[1].source == str(tmp_path / "val" / "x/b.jpg")
    assert found(file, images=tmp_path)[0] == ("a.jpg", str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "picture,label\nx.jpg,1\n",
            r"row 1 must have a column 'InputImage:FILE' or 'image'; its columns: 'pi",
        ),
        ("a.csv", "label,image\n1\n", "row 1: image must be a path or URL; got 'None'"),
        ("a.csv", "image\n" + "x" * 200_000, "a.csv: cannot be read: field larger"),
        ("a.jsonl", '{"image": "a.jpg"}\n{"image": ""}', "line 2: image must be a path or URL; got ''"),
        ("a.jsonl", '{"image": {"bytes": 3}}', "line 1: image must be a path or URL"),
        ("a.jsonl", '["a.jpg"]', "line 1 must be an object; got list"),
        ("a.jsonl", "a.jpg", "a.jsonl: cannot be read: Expecting value"),
        ("a.jsonl", "[" * 100_000, "a.jsonl: cannot be read: "),
        ("a.txt", b"\xff\xfe\x00", "a.txt: cannot be read: 'utf-8' codec"),
        ("a.json", "[]", "a.json must be an object; got list"),
        ("a.json", coco({"id": 1}), r"images\[0\].file_name must be str; got nothing"),
        ("a.json", coco({"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}), "image 1 occurs twice"),
        ("a.json", coco({"id": 1, "file_name": "../a.jpg"}), "expected the name of a file inside"),
    ],
)
def test_damaged_lists(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message):
        found(tmp_path / name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
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
