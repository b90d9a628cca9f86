"""Lists of images as people write them."""

import json
from pathlib import Path

import pytest

from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.runs.listing import open_inputs


def found(given, **options):
    return [(entry.name, entry.source) for entry in open_inputs(str(given), **options).entries()]


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
            r"a\.csv must have a column that holds paths or URLs: 'InputImage:FILE', 'image', .*; its columns: 'pi",
        ),
        ("a.csv", "label,image\n1\n", "row 1: image must be a path or URL; got 'None'"),
        ("a.csv", "image\n" + "x" * 200_000, "a.csv: cannot be read: field larger"),
        ("a.jsonl", '{"image": "a.jpg"}\n{"image": ""}', "line 2: image must be a path or URL; got ''"),
        ("a.jsonl", '{"image": {"bytes": 3}}', "line 1: image must be a path or URL"),
        ("a.jsonl", '["a.jpg"]', "line 1 must be an object or a path; got list"),
        ("a.jsonl", "a.jpg", "a.jsonl: cannot be read: Expecting value"),
        ("a.jsonl", "[" * 100_000, "a.jsonl: cannot be read: "),
        ("a.jsonl", '{"text": "a cat"}', "line 1 must have a column that holds paths or URLs: .*; its columns: 'text'"),
        ("a.txt", b"\xff\xfe\x00", "a.txt: cannot be read as utf-16.* Save the list as UTF-8"),
        ("a.txt", "照片.png".encode("gbk"), "a.txt: cannot be read as utf-8: .*0xd5 in position 0.* Save the list as"),
        ("a.csv", "", "a.csv must have a column that holds paths or URLs: .*; its columns: none"),
        ("a.json", "[3]", r"a.json\[0\] must be an object or a path; got int"),
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
    ("name", "content"),
    [
        ("comments.txt", "# my list\r\n\r\n  own photos/a.png  \r\n#\n"),
        ("quotes.txt", '"own photos/a.png"\n'),
        ("quotes.txt", "'own photos/a.png'\n“own photos/a.png”"),
        ("backslashes.txt", "own photos\\a.png\n"),
        ("dir.lst", ".\\own photos\\a.png\n"),
        ("excel.csv", "label;image\n1;own photos/a.png\n"),
        ("excel.csv", "sep=;\nlabel;image\n1,5;own photos/a.png\n"),
        ("export.csv", '#TYPE System.IO.FileInfo\r\n"Name","FullName"\r\n"a.png","own photos/a.png"\r\n'),
        ("tabs.tsv", "label\timage\n1\town photos/a.png\n"),
        ("path.csv", "path\nown photos/a.png\n"),
        ("headers.csv", " Image Path ,n\nown photos/a.png,1\n"),
        ("quoted.csv", '"file_name";"text"\n"own photos/a.png";"a;b"\n'),
        ("metadata.jsonl", '{"file_name": "own photos/a.png", "text": "a cat"}\n'),
        ("cells.ndjson", '{"image": {"bytes": null, "path": "own photos/a.png"}}\n'),
        ("paths.json", '["own photos/a.png", {"file_name": "own photos/a.png"}]'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_as_people_write_them(tmp_path, name, content, encoding):
    photo = tmp_path / "own photos" / "a.png"
    photo.parent.mkdir()
    photo.touch()
    (tmp_path / name).write_bytes(content.encode(encoding))
    entries = found(tmp_path / name)
    assert {Path(source).resolve() for _, source in entries} == {photo}
    assert {Path(shown).name for shown, _ in entries} == {"a.png"}


def test_addresses_and_contents(tmp_path):
    photo = tmp_path / "a b.png"
    photo.touch()
    (tmp_path / "#1.png").touch()  # a file, and no comment
    (tmp_path / "list.txt").write_text(f"{photo.as_uri()}\ndata:image/png;base64,AAAA\nhttps://x.org/#a\n#1.png\n")
    assert found(tmp_path / "list.txt") == [
        (photo.as_uri(), str(photo)),
        ("data:image/png;base64", "data:image/png;base64,AAAA"),
        ("https://x.org/#a", "https://x.org/#a"),
        ("#1.png", str(tmp_path / "#1.png")),
    ]


def test_the_first_of_several_columns(tmp_path):
    (tmp_path / "list.csv").write_text("file_name,path,image\nno,no,a.png\n")
    assert [name for name, _ in found(tmp_path / "list.csv")] == ["a.png"]


def test_addresses_in_coco(tmp_path):
    (tmp_path / "a.json").write_text(coco({"id": 1, "file_name": "http://x.org/a.jpg"}))
    assert found(tmp_path / "a.json") == [("http://x.org/a.jpg", "http://x.org/a.jpg")]


def test_an_empty_list(tmp_path):
    for name, content in (("a.csv", "image\n"), ("a.txt", "# nothing\n"), ("a.json", "[]")):
        (tmp_path / name).write_text(content)
        assert found(tmp_path / name) == []
