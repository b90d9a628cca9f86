"""Images that a text holds itself."""

import base64
import time

import pytest

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import embedded as module
from modelscope_swinpan.images.embedded import decode_base64, embedded
from tests.conftest import CHELSEA

CONTENT = CHELSEA.read_bytes()[:1000]
TEXT = base64.b64encode(CONTENT).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("="),
        f"  {base64.encodebytes(CONTENT).decode()}\n",
        base64.urlsafe_b64encode(CONTENT).decode(),
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;charset=utf-8;BASE64,{TEXT}",
        f"data:;base64,{TEXT.replace('+', '%2B').replace('=', '%3D')}",
        "data:image/png," + "".join(f"%{byte:02x}" for byte in CONTENT),
    ],
)
def test_forms(text):
    assert embedded(text) == CONTENT


@pytest.mark.parametrize(
    "text",
    ["", "photo.png", "/9j/photo.jpg", "iVBORw0KGgo.png", "a" * 200, "\udc80", TEXT[:200] + "é", "c:data", "\0" * 99],
)
def test_paths(text):
    assert embedded(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("data:image/png", "without a comma, expected data:image/png;base64"), ("data:;base64,é*", "no base64")],
)
def test_damaged(text, message):
    with pytest.raises(ImageError, match=message):
        embedded(text)


def test_the_size_is_limited(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 999)
    with pytest.raises(ImageError, match="larger than"):
        embedded(f"data:image/png;base64,{TEXT}")


def test_a_long_text_that_is_no_image_takes_no_time():
    text = "a" * 50_000_000
    start = time.process_time()
    assert embedded(text) is None
    assert time.process_time() - start < 0.1


def test_no_base64():
    with pytest.raises(ImageError, match=r"^x{40}…: no base64"):
        decode_base64("x" * 100 + "*")
