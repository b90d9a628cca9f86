import pytest

from modelscope_swinpan.data.class_list import ListedClass, named_in, read_classes
from modelscope_swinpan.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat\ntraffic light\n", [(0, "cat", None), (1, "traffic light", None)]),
        ("\ufeffvoid\n\n-\ncat\n\n", [(0, "void", None), (1, "", None), (2, "-", None), (3, "cat", None)]),
        ("cat 1 2 3\ntraffic light, 4, 5, 6\n", [(0, "cat", (1, 2, 3)), (1, "traffic light", (4, 5, 6))]),
        ("1 2 3 cat\n#040506 traffic light\n", [(0, "cat", (1, 2, 3)), (1, "traffic light", (4, 5, 6))]),
        ("0 void\n1: cat\n", [(0, "void", None), (1, "cat", None)]),
        ("0 void 0 0 0\n1 cat 1 2 3\n", [(0, "void", (0, 0, 0)), (1, "cat", (1, 2, 3))]),
        ("3 wheeler\ncat\n", [(0, "3 wheeler", None), (1, "cat", None)]),
        ("cat #0a0B0c\n", [(0, "cat", (10, 11, 12))]),
        (
            "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\n",
            [(0, "background", (0, 0, 0)), (1, "cat", (128, 0, 0))],
        ),
    ],
)
def test_the_forms_of_a_list(text, expected, tmp_path):
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8")
    assert read_classes(tmp_path / "classes.txt") == tuple(ListedClass(*one) for one in expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names no class"),
        (b"void\n\n", "names no class"),
        (b"1 cat\n2 dog\n", "all names begin with a number, but '1 cat' has the value 0"),
        (b"cat\ncat\n", "the name 'cat' occurs twice"),
        (b"cat 1 2 3\ndog 1 2 3\n", "the colour '.1, 2, 3.' occurs twice"),
        (b"cat 1 2 3\ndog\n", "some lines have a colour, but 'dog' has none"),
        (b"cat 1 2 300\n", r"classes.txt:1: a colour must have red, green and blue from 0 to 255"),
        (b"\xff\xfe\0\0", "not a text in UTF-8"),
        (b"x" * (2**20 + 1), "expected a list of classes"),
        (b"x" + b"," * 2**19 + b"x", "classes.txt:1: over 1000 characters"),
    ],
)
def test_a_wrong_list(content, message, tmp_path):
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_classes(tmp_path / "classes.txt")


@pytest.mark.timeout(60)
def test_very_many_names_take_no_longer_each(tmp_path):
    (tmp_path / "classes.txt").write_text("\n".join(f"{number:x}" for number in range(0xA0000, 0xA0000 + 149_000)))
    assert len(read_classes(tmp_path / "classes.txt")) == 149_000


@pytest.mark.timeout(10)
def test_blanks_in_names_take_no_longer_each(tmp_path):
    (tmp_path / "classes.txt").write_text("\n".join(f"{number}{' ' * 990}b" for number in range(1000, 2000)))
    with pytest.raises(ConfigError, match="all names begin with a number"):
        read_classes(tmp_path / "classes.txt")


def test_names_in_an_option():
    assert named_in(" cat, traffic light,,") == ("cat", "traffic light")
