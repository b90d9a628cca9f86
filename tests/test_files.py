"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from modelscope_swinpan.files import file_stem, is_data_url, is_url, local_path, text_encoding, write_atomic


def test_new_and_replaced(tmp_path):
    for content in (b"one", b"two"):
        write_atomic(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_as_readable_as_any_other_file(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    write_atomic(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_write_leaves_the_former_content(tmp_path, monkeypatch):
    write_atomic(tmp_path / "file", b"former")
    write_bytes = Path.write_bytes

    def disk_full(path, data):
        write_bytes(path, data[:2])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "file", b"new content")
    assert (tmp_path / "file").read_bytes() == b"former"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("a/b/cat.jpg", "cat"),
        ("https://x.org/a%20b/cat.tar.png?size=3#top", "cat.tar"),
        ("HTTP://x.org/", "image"),
        ("a:b|c.png", "a_b_c"),
        ("y" * 80 + ".png", "y" * 60),
        (".png", ".png"),
        ("", "image"),
    ],
)
def test_file_stem(source, stem):
    assert file_stem(source) == stem


def test_addresses():
    assert [is_url(one) for one in ("HTTPS://x.org/a", "data:,", "a.png", "s3://x/a")] == [True, False, False, False]
    assert [is_data_url(one) for one in ("Data:,x", "data.png", "http://data:1/")] == [True, False, False]


def test_paths_as_people_write_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    photo = tmp_path / "own photos" / "a.png"
    photo.parent.mkdir()
    photo.touch()
    folder = str(tmp_path)
    assert local_path("own photos/a.png", folder) == str(photo)
    assert local_path(str(photo), "/elsewhere") == str(photo)
    assert local_path(photo.as_uri()) == local_path(f"FILE://localhost{photo.as_uri()[7:]}") == str(photo)
    assert local_path("~/own photos/a.png") == str(photo)
    assert local_path("own photos\\a.png", folder) == str(photo)
    # As it is written, where that is there or nothing else is:
    literal = tmp_path / "own photos\\a.png"
    literal.touch()
    assert local_path("own photos\\a.png", folder) == str(literal)
    assert local_path("none\\b.png") == "none\\b.png"
    assert local_path("~nobody/b.png") == "~nobody/b.png"
    assert local_path("file://server/share/b.png") == "file://server/share/b.png"
    assert local_path("nul\0\\b") == "nul\0\\b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_text("a 照片.png\n", encoding=encoding)
    assert path.read_text(encoding=text_encoding(path)) == "a 照片.png\n"


def test_the_encoding_of_an_empty_file(tmp_path):
    (tmp_path / "empty.txt").touch()
    assert (tmp_path / "empty.txt").read_text(encoding=text_encoding(tmp_path / "empty.txt")) == ""
