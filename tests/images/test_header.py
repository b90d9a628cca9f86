"""Headers tell sizes and orientations, and ends whether a file is whole; neither needs pixels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import decode, header
from modelscope_swinpan.images.header import Header, check_end, read_header

PIXELS = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


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


def saved(form, **options):
    content = io.BytesIO()
    Image.fromarray(PIXELS).save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_is_cut_short(form, tmp_path):
    content = saved(form)
    path = tmp_path / "photo"
    path.write_bytes(content[: len(content) * 2 // 3])
    for source in (path, path.read_bytes()):
        with pytest.raises(ImageError, match="cannot be read as an image"):
            check_end(source)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_whole_file_is_not_decoded(form, monkeypatch):
    monkeypatch.setattr(header, "decode_image", lambda source: pytest.fail("decoded"))
    check_end(saved(form))
    check_end(saved(form) + bytes(100))


def test_what_a_camera_added_is_no_damage(tmp_path):
    path = tmp_path / "moving.jpg"
    path.write_bytes(saved("JPEG") + b"film" * 1000)
    check_end(path)


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg.*cannot be read"):
        check_end(tmp_path / "gone.jpg")
