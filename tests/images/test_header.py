"""Headers tell sizes and orientations, and need no pixels."""

import base64

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import decode
from modelscope_swinpan.images.header import Header, read_header


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_files_cut_behind_their_header(tmp_path, format_):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a", format_, exif=exif(6))
    whole = (tmp_path / "a").read_bytes()
    assert read_header(tmp_path / "a") == Header((64, 96), 6)
    assert read_header(tmp_path / "a").shown == (96, 64)
    if format_ in ("JPEG", "PNG"):
        (tmp_path / "a").write_bytes(whole[: len(whole) // 2])
        assert read_header(str(tmp_path / "a")) == Header((64, 96), 6)


def test_orientations_that_are_none(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=exif(9))
    assert read_header(tmp_path / "a.jpg").orientation == 1
    Image.new("RGB", (4, 4)).save(tmp_path / "b.jpg", exif=b"Exif\0\0damaged")
    assert read_header(tmp_path / "b.jpg").orientation == 1


@pytest.mark.parametrize("source", [np.zeros((4, 4, 3), np.uint8), "https://host/a.jpg", {"image": None}, {}, None])
def test_what_has_no_header(source):
    assert read_header(source) is None


def test_damaged_files(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"damaged")
    with pytest.raises(ImageError, match=r"a\.png: not an image in a known format"):
        read_header(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"none\.png: no such file"):
        read_header(tmp_path / "none.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "b.png")
    monkeypatch.setattr(decode, "MAX_PIXELS", 1599)
    with pytest.raises(ImageError, match="40 × 40 pixels are 0 megapixels, expected"):
        read_header(tmp_path / "b.png")


def test_pictures_of_one_pixel():
    with pytest.raises(ImageError, match="1 × 4 pixels, expected at least 2"):
        read_header(Image.new("RGB", (1, 4)))


def test_floating_point_pixels(tmp_path):
    Image.new("F", (6, 4)).save(tmp_path / "a.tif")
    for source in (tmp_path / "a.tif", (tmp_path / "a.tif").read_bytes(), Image.new("F", (6, 4))):
        with pytest.raises(ImageError, match="floating-point pixels have no fixed range; scale them to 0–255"):
            read_header(source)


def test_megabytes_of_profile(tmp_path):
    """Pillow alone refuses to open such a file."""
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png", icc_profile=b"x" * 3_000_000, exif=exif(6))
    assert read_header(tmp_path / "a.png") == Header((4, 6), 6)


def test_embedded_files(tmp_path):
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    text = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    assert read_header({"image": f"data:image/png;base64,{text}"}) == Header((4, 6))
    assert read_header((tmp_path / "a.png").as_uri()) == Header((4, 6))
