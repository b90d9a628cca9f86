"""Image files whose pixels are sound, whatever else is in them."""

import io
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from modelscope_swinpan.coco.id_maps import read_size
from modelscope_swinpan.errors import DatasetError, ImageError
from modelscope_swinpan.images import opening
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.images.opening import read_image

PIXELS = np.random.default_rng(3).integers(0, 256, (12, 17, 3), dtype=np.uint8)
LONG = "x" * 2_000_000


def saved(name="PNG", pixels=PIXELS, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, **options)
    return file.getvalue()


def text(*added):
    """A PNG with texts: keyword, text, compressed, and whether it is Unicode."""
    info = PngImagePlugin.PngInfo()
    for keyword, content, compressed, is_unicode in added:
        (info.add_itxt if is_unicode else info.add_text)(keyword, content, zip=compressed)
    return saved(pnginfo=info)


def moved_behind_the_pixels(png):
    """The same PNG with its texts after the pixels."""
    start, end = png.index(b"zTXt") - 4, png.index(b"IDAT") - 4
    return png[:start] + png[end:-12] + png[start:end] + png[-12:]


@pytest.mark.parametrize(
    "png",
    [
        pytest.param(lambda: saved(icc_profile=bytes(3_000_000)), id="profile"),
        pytest.param(lambda: text(("parameters", LONG, True, False)), id="text"),
        pytest.param(lambda: text(("parameters", LONG, True, True)), id="international text"),
        pytest.param(lambda: text(*[(f"k{k}", LONG[:1_000_000], False, False) for k in range(68)]), id="many texts"),
        pytest.param(lambda: moved_behind_the_pixels(text(("parameters", LONG, True, False))), id="text at the end"),
        pytest.param(lambda: saved(icc_profile=b"x").replace(b"iCCP", b"iCCp"), id="damaged checksum"),
    ],
)
def test_png_with_megabytes_beside_the_pixels(png):
    content = png()
    if b"iCCp" not in content:
        with pytest.raises(ValueError, match=r"too large|Too much"), Image.open(io.BytesIO(content)) as image:
            image.load()
    assert np.array_equal(decode_image(content), PIXELS)


def test_the_orientation_and_the_colours_stay():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    turned = saved(icc_profile=bytes(3_000_000), exif=exif)
    assert np.array_equal(decode_image(turned), np.rot90(PIXELS, -1))
    palette = Image.fromarray(PIXELS).quantize(16)
    file = io.BytesIO()
    palette.save(file, "PNG", icc_profile=bytes(3_000_000), transparency=3)
    assert np.array_equal(decode_image(file.getvalue()), np.asarray(palette.convert("RGB")))


def test_the_first_frame_of_an_animation_stays():
    content = saved(save_all=True, append_images=[Image.new("RGB", (17, 12))], icc_profile=bytes(3_000_000))
    assert np.array_equal(decode_image(content), PIXELS)


def test_jpeg_with_much_and_with_damaged_profiles():
    plain = saved("JPEG")

    def with_segment(marker, content):
        return plain[:2] + bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content + plain[2:]

    expected = decode_image(plain)
    assert np.array_equal(decode_image(saved("JPEG", icc_profile=bytes(10_000_000))), expected)
    damaged = with_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4")
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(damaged))
    assert np.array_equal(decode_image(damaged), expected)
    assert np.array_equal(decode_image(with_segment(0xE2, b"MPF\0II*\0\x08\0\0\0")), expected)


def test_sizes_are_checked_all_the_same():
    bomb = bytearray(saved(icc_profile=bytes(3_000_000)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = PngImagePlugin._crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ImageError, match=r"80 megapixels|limit"):
            decode_image(bytes(bomb))


def test_a_damaged_file_is_not_copied_without_end(monkeypatch):
    monkeypatch.setattr(opening, "MAX_BARE_BYTES", 100)
    with pytest.raises(ImageError, match="Decompressed data too large"):
        decode_image(saved(icc_profile=bytes(3_000_000)))


@pytest.mark.parametrize("fill", [b"", b"\xff" * 70_000, b"\0\xff\0\xff\xd0"])
def test_a_jpeg_of_endless_passes(fill, tmp_path):
    """Each is some bytes and as much work as the whole picture. Pixels and segments may hold what looks like one."""
    sound = saved("JPEG", progressive=True, comment=b"\xff\xda" * 200) + b"\xff\xda\0\2" * 200  # a film behind it
    expected = decode_image(saved("JPEG", progressive=True))
    with Image.open(io.BytesIO(sound)) as image:
        assert np.array_equal(decode_image(image), expected)
    assert np.array_equal(decode_image(image), expected)  # which is decoded already
    begin, end = sound.rindex(b"\xff\xda", 0, sound.index(b"\xff\xd9")), sound.index(b"\xff\xd9")
    path = tmp_path / "bomb.jpg"
    path.write_bytes(sound[:end] + (fill + sound[begin:end]) * opening.MAX_SCANS + sound[end:])
    for source in (path, path.read_bytes(), Image.open(path)):
        with pytest.raises(ImageError, match="a JPEG of over 100 passes over its pixels; save it anew"):
            decode_image(source)


def tiled(side):
    """A TIFF of 64 × 64 grey pixels, all 7, in a tile of a ``side``."""
    data = zlib.compress(bytes([7]) * 64 * 64)
    numbers = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 134, 325: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in numbers.items())
    return b"II*\0" + struct.pack("<IH", 8, len(numbers)) + entries + bytes(4) + data


def test_a_tile_that_is_larger_than_any_picture(tmp_path):
    """It would be held as a whole: a megabyte stood for two gigabytes."""
    assert (decode_image(tiled(64)) == 7).all()
    with pytest.raises(ImageError, match="tiles of 20000 × 20000 pixels, expected at most"):
        decode_image(tiled(20_000))
    (tmp_path / "labels.tif").write_bytes(tiled(20_000))
    with pytest.raises(DatasetError, match=r"labels\.tif: .*tiles of 20000 × 20000 pixels"):
        read_size(tmp_path / "labels.tif")


@pytest.mark.parametrize("length", [7, 8, 12, 16, 20, 33, 40, 60])
def test_cut_off(length):
    start = time.process_time()
    for content in (saved(icc_profile=bytes(3_000_000)), saved("JPEG", icc_profile=bytes(3_000_000))):
        with pytest.raises(ImageError):
            decode_image(content[:length])
    assert time.process_time() - start < 5


def test_other_readers_choose_the_formats():
    file = io.BytesIO(saved(icc_profile=bytes(3_000_000)))
    assert np.array_equal(read_image(file, np.asarray, ("PNG",)), PIXELS)
    with pytest.raises(OSError, match="cannot identify"):
        read_image(io.BytesIO(saved("BMP")), np.asarray, ("PNG",))


class TestHeic:
    @pytest.fixture
    def heic(self, tmp_path):
        import pillow_heif

        path = tmp_path / "IMG_0001.HEIC"
        pillow_heif.from_pillow(Image.fromarray(np.full((64, 96, 3), (200, 90, 20), np.uint8))).save(path, quality=95)
        return path

    def test_it_is_decoded_and_pillow_stays_as_it_is(self, heic):
        decoded = decode_image(heic)
        assert decoded.shape == (64, 96, 3)
        assert np.abs(decoded.astype(int) - (200, 90, 20)).max() < 6
        assert np.array_equal(decode_image(heic.read_bytes()), decoded)
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(heic)

    def test_without_pillow_heif(self, heic, monkeypatch):
        monkeypatch.setattr(opening, "decodes_heif", lambda: False)
        with pytest.raises(ImageError, match=r"HEIC: cannot be read as an image: a HEIC photo, which needs.*\[heif\]"):
            decode_image(heic)

    def test_damaged_and_large_ones(self, heic, monkeypatch):
        content = heic.read_bytes()
        for end in range(16, len(content), len(content) // 7):
            with pytest.raises(ImageError):
                decode_image(content[:end])
        monkeypatch.setattr(opening, "MAX_HEIF_BYTES", 100)
        with pytest.raises(ImageError, match="the limit for a HEIC photo"):
            decode_image(content)
