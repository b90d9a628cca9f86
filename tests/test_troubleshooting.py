"""The messages in docs/troubleshooting.md are what the package says, word for word."""

import ast
import re

import pytest

from tests.conftest import ROOT

OTHERS = {
    "operator torchvision::nms does not exist",
    "libGL.so.1: cannot open shared object file",
    "libxcb.so.1",
    "No module named 'mmcv'",
    "'mmdet'",
    "'easycv'",
    "invalid model repo path",
    "Detected plugins or allow_remote field …",
    "address already in use",
}
"""Messages of Python, PyTorch, ModelScope and the system."""
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
CELLS = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
MESSAGES = [message for cell in CELLS for message in re.findall(r"`([^`]+)`", cell) if message not in OTHERS]


@pytest.fixture(scope="module")
def texts():
    """Every text in the package's code; where a value is put in, there is a gap (…)."""

    def text(node):
        if isinstance(node, ast.JoinedStr):
            return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "modelscope_swinpan").rglob("*.py")]
    return "\n".join(filter(None, (text(node) for tree in trees for node in ast.walk(tree))))


def test_there_are_messages():
    assert len(MESSAGES) > 20


@pytest.mark.parametrize("message", MESSAGES)
def test_the_package_says_it(message, texts):
    for words in re.split(r" ?… ?|'damo/…'|\bNAME\b|\bN\b|\d{7}", message):
        assert words.strip("' ") in texts
