"""Files are written whole or not at all."""

import errno
import re
from pathlib import Path

import pytest

from modelscope_swinpan.files import (
    atomic,
    errors_named,
    file_stem,
    is_endless,
    missing_folders,
    remove_empty,
    remove_leftovers,
    sampled_digest,
    temporary_folder,
    write_atomic,
)
from tests.full_disk import full_disk


def test_new_and_replaced(tmp_path):
    for content in (b"one", b"two"):
        write_atomic(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_file_is_named_where_the_disk_is_full(tmp_path):
    with full_disk(), pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))) as raised:
        write_atomic(tmp_path / "file", bytes(2000))
    assert raised.value.errno == errno.EFBIG
    with pytest.raises(OSError, match=r"missing.file'$") as raised:
        write_atomic(tmp_path / "missing" / "file", b"")
    assert raised.value.errno == errno.ENOENT
    with pytest.raises(OSError, match=r"'other'$"), atomic(tmp_path / "file"):
        raise OSError(errno.ENOENT, "No such file", "other")
    assert not [*tmp_path.iterdir()]


def test_a_file_in_a_temporary_folder_is_named_by_its_later_place(tmp_path):
    with temporary_folder(tmp_path) as folder:
        (folder / "images").mkdir()
        for name, other in ((folder / "images" / "a.png", None), (tmp_path / "a.png", folder / "images" / "a.png")):
            with pytest.raises(OSError, match=r"'out.images.a\.png'$"), errors_named(Path("out"), folder):
                raise OSError(errno.ENOSPC, "No space", str(name), None, other and str(other))
        with pytest.raises(OSError, match=r"'elsewhere'$"), errors_named(Path("out"), folder):
            raise OSError(errno.ENOSPC, "No space", "elsewhere")
        with pytest.raises(OSError, match=r"'out'$"), errors_named(Path("out"), folder):
            raise OSError(errno.ENOSPC, "No space")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder in which nobody may make any is Linux's")
def test_where_no_temporary_folder_can_be_made_its_parent_is_named():
    with pytest.raises(OSError, match=r"'/proc/self'$"), temporary_folder(Path("/proc/self")):
        pass


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


def test_a_temporary_folder(tmp_path):
    with temporary_folder(tmp_path) as folder:
        (folder / "part").write_text("half")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_leftovers(tmp_path):
    """Ours go, files and folders; a link goes, and not what it leads to."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.part").write_text("mine")
    (tmp_path / ".swinpan-1.part").write_text("half")
    (tmp_path / ".swinpan-2.part").mkdir()
    (tmp_path / ".swinpan-2.part" / "model.bin").write_text("half")
    (tmp_path / ".swinpan-3.part").symlink_to(mine)
    (tmp_path / "video.part").write_text("mine")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "video.part"]
    assert (mine / "photo.part").read_text() == "mine"


def test_a_sampled_digest(tmp_path):
    path = tmp_path / "file"

    def digest(content, **options):
        path.write_bytes(content)
        return sampled_digest(path, **options)

    large = bytes(100_000)
    changed = [large[:place] + b"1" + large[place + 1 :] for place in (0, 50_000, 99_999)]
    found = [digest(content) for content in (b"", b"a", b"b", large, large + b"\0", *changed)]
    assert len({*found}) == len(found)
    assert {len(one) for one in found} == {16}
    assert digest(b"a") == found[1]
    assert digest(b"abc", end=b"bc") == digest(b"abc")
    assert digest(b"ab", end=b"bc") == sampled_digest(tmp_path) == sampled_digest(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("a/b/cat.jpg", "cat"),
        ("https://x.org/a%20b/cat.tar.png?size=3#top", "cat.tar"),
        ("HTTP://x.org/", "image"),
        ("a:b|c.png", "a_b_c"),
        ("C:\\data\\cat.jpg", "cat"),
        ("y" * 80 + ".png", "y" * 60),
        (".png", ".png"),
        ("", "image"),
        ("http://[1/deep/cat.jpg?size=9/8#top", "cat"),
        ("http://a\u2100b.com/cat.jpg", "cat"),
        ("https://x.org", "image"),
        ("https://x.org?a/b.jpg", "image"),
    ],
)
def test_file_stem(source, stem):
    assert file_stem(source) == stem


def test_a_temporary_folder_takes_back_what_was_made_for_it(tmp_path):
    with pytest.raises(KeyError), temporary_folder(tmp_path / "a" / "b"):
        raise KeyError
    assert not (tmp_path / "a").exists()
    with temporary_folder(tmp_path / "a" / "b") as folder:
        (folder / "kept").write_text("kept")
        (folder / "kept").rename(tmp_path / "a" / "b" / "kept")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["kept"]
    with temporary_folder(tmp_path):
        pass
    assert tmp_path.exists()


def test_what_never_ends(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/dev/zero")
    assert is_endless(tmp_path / "link")
    assert not any(map(is_endless, (tmp_path, tmp_path / "file", tmp_path / "nowhere")))


def test_missing_folders(tmp_path):
    inner = tmp_path / "a" / "b"
    assert missing_folders(inner) == [inner, tmp_path / "a"]
    inner.mkdir(parents=True)
    assert missing_folders(inner) == []
    (tmp_path / "a" / "file").touch()
    remove_empty([inner, tmp_path / "a"])
    assert not inner.exists()
    assert (tmp_path / "a").exists()
