"""Files that bear the names of photos."""

import pytest

from modelscope_swinpan.runs.own_names import own_name, with_own_files


@pytest.mark.parametrize(
    ("photo", "name"),
    [
        ("cat.jpg", "cat"),
        ("some/where/cat.tar.png", "some/where/cat.tar"),
        ("some\\cat.jpg", "some/cat"),
        ("scan0002", "scan0002"),
        ("a:b?.png", "a_b_"),
        ("/photos/cat.jpg", "cat"),
        ("C:\\photos\\cat.jpg", "cat"),
        ("../../etc/cat.jpg", "cat"),
        ("https://x.org/some/cat.jpg?size=3", "cat"),
        ("caf\udce9.jpg", "caf/udce9"),  # bytes that are no Unicode, which results escape by backslashes
        (".hidden/cat.jpg", None),
        ("", None),
        (250 * "a" + ".jpg", 250 * "a"),
        (251 * "a" + ".jpg", None),
        (125 * "é" + ".jpg", 125 * "é"),
        (126 * "é" + ".jpg", None),
    ],
)
def test_a_name(photo, name):
    assert own_name(photo) == name


def test_no_two_have_one(tmp_path):
    photos = ["cat.jpg", "cat.png", "CAT.gif", "a/cat.jpg", "b/../cat.jpg", ".png", "\u00e9.jpg", "e\u0301.jpg"]
    entries = [{"name": photo, "stem": f"{number:08d}-x"} for number, photo in enumerate(photos)]
    found = [path.relative_to(tmp_path).as_posix() for path, _ in with_own_files(entries, tmp_path, ".txt")]
    names = ("cat", "00000001-x", "00000002-x", "a/cat", "00000004-x", "00000005-x", "\u00e9", "00000007-x")
    assert found == [f"{name}.txt" for name in names]


def test_no_file_takes_the_place_of_another_or_of_a_folder(tmp_path):
    photos = ["00000002-cat.png", "cat.jpg", "cat.png", "a.txt/b.jpg", "a.jpg", "c.jpg", "c.txt/d.jpg"]
    entries = [{"name": photo, "stem": f"{number:08d}-cat"} for number, photo in enumerate(photos)]
    found = [path.relative_to(tmp_path).as_posix() for path, _ in with_own_files(entries, tmp_path, ".txt")]
    names = ("00000002-cat", "cat", "00000002-cat-2", "a.txt/b", "00000004-cat", "c", "00000006-cat")
    assert found == [f"{name}.txt" for name in names]


def test_side_by_side(tmp_path):
    entries = [
        {"name": name, "stem": f"{number}-x"} for number, name in enumerate(["a/cat.jpg", "b/cat.jpg", "b/dog.jpg"])
    ]
    found = [path.relative_to(tmp_path).as_posix() for path, _ in with_own_files(entries, tmp_path, ".txt", flat=True)]
    assert found == ["cat.txt", "1-x.txt", "dog.txt"]
