"""PNG files hold the pixels that were given, JPEG files nearly."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.images.encode import encode_png, jpeg_url, write_png
from tests.builders import random_image


@pytest.mark.parametrize("convert", [np.asarray, Image.fromarray])
def test_round_trip(convert):
    pixels = random_image(5, 7)
    png = Image.open(io.BytesIO(encode_png(convert(pixels))))
    assert (png.format, png.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(png), pixels)


@pytest.mark.parametrize("convert", [np.asarray, Image.fromarray])
def test_jpeg(convert):
    pixels = np.full((8, 16, 3), (200, 100, 50), np.uint8)
    head, _, data = jpeg_url(convert(pixels), 90).partition(",")
    assert head == "data:image/jpeg;base64"
    jpeg = Image.open(io.BytesIO(base64.b64decode(data)))
    assert jpeg.format == "JPEG"
    assert np.abs(np.asarray(jpeg).astype(int) - pixels).max() < 5


def test_files_are_written_atomically(tmp_path):
    pixels = random_image(5, 7)
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
