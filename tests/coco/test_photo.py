"""Photos are read as their truth was annotated."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from modelscope_swinpan.coco.photo import annotated_size, is_undecided, read_photo
from modelscope_swinpan.images.header import read_header
from modelscope_swinpan.structures import Size

STORED = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


def photo(path, orientation, pixels=STORED):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, "PNG", exif=exif)
    return path


def shown(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_as_stored_and_as_exif_says(tmp_path, orientation):
    path = photo(tmp_path / "a.png", orientation)
    turned = Size(*shown(path).shape[:2])
    for exif, size, expected in (
        ("ignore", Size(4, 6), STORED),
        ("ignore", turned, STORED),
        ("apply", turned, shown(path)),
        ("apply", Size(4, 6), shown(path)),
        (None, turned, shown(path)),
        (None, Size(4, 6), STORED if orientation >= 5 else shown(path)),
    ):
        found = read_photo(path, size, exif)
        assert np.array_equal(found, expected)
        assert found.flags.c_contiguous
        assert annotated_size(read_header(path), size, exif) == found.shape[:2]


@pytest.mark.parametrize("format_", ["TIFF", "WEBP"])
def test_other_formats(tmp_path, format_):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a"
    Image.fromarray(STORED).save(path, format_, exif=exif, lossless=True)
    assert np.array_equal(read_photo(path, Size(4, 6)), STORED)
    assert np.array_equal(read_photo(path, Size(6, 4)), np.rot90(STORED, -1))


@pytest.mark.parametrize("form", ["bytes", "PIL", "row of bytes", "row of a path"])
def test_other_sources(tmp_path, form):
    path = photo(tmp_path / "a.png", 6)
    source = {
        "bytes": {"image": {"bytes": path.read_bytes(), "path": None}},
        "PIL": Image.open(io.BytesIO(path.read_bytes())),
        "row of bytes": {"image": {"bytes": path.read_bytes()}},
        "row of a path": {"image": str(path)},
    }[form]
    assert np.array_equal(read_photo(source, Size(4, 6)), STORED)
    assert np.array_equal(read_photo(source, Size(6, 4)), shown(path))


def test_arrays_are_as_they_are():
    assert read_photo(STORED, Size(6, 4)).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("orientation", "side", "undecided"), [(1, 6, False), (3, 6, True), (2, 6, True), (6, 6, False), (6, 4, True)]
)
def test_what_sizes_do_not_show(tmp_path, orientation, side, undecided):
    header = read_header(photo(tmp_path / "a.png", orientation, STORED[:, :side]))
    assert is_undecided(header, None) == undecided
    assert not is_undecided(header, "apply")
    assert not is_undecided(header, "ignore")
