"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from modelscope_swinpan.files import file_stem, write_atomic


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
