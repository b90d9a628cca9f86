"""PNG files hold the pixels that were given."""

import io

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.images.encode import encode_png, write_png
from tests.builders import random_image


@pytest.mark.parametrize("convert", [np.asarray, Image.fromarray])
def test_round_trip(convert):
    pixels = random_image(5, 7)
    png = Image.open(io.BytesIO(encode_png(convert(pixels))))
    assert (png.format, png.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(png), pixels)


def test_files_are_written_atomically(tmp_path):
    pixels = random_image(5, 7)
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
