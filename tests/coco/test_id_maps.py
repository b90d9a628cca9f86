"""Every form that holds ids without loss gives the same ids; the others are refused."""

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.id_maps import ids_of_array, ids_of_picture, read_ids
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.structures import Size

IDS = np.array([[0, 1, 1, 200], [7, 7, 0, 200]], np.int32)
LISTED = {1, 7, 200}
COLORS = Image.fromarray(colors_from_ids(IDS))


def with_alpha(alpha):
    return Image.fromarray(np.dstack([colors_from_ids(IDS), np.broadcast_to(alpha, IDS.shape).astype(np.uint8)]))


def indexed(transparent=False):
    picture = Image.fromarray(IDS.astype(np.uint8)).convert("P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    if transparent:
        picture.info["transparency"] = 0  # the colour of the pixels that are void
    return picture


@pytest.mark.parametrize(
    ("picture", "format_"),
    [
        (COLORS, "PNG"),
        (COLORS, "BMP"),
        (COLORS, "TIFF"),
        (with_alpha(255), "PNG"),
        (with_alpha(np.where(IDS, 255, 0)), "PNG"),
        (COLORS.quantize(256), "PNG"),
        (indexed(), "PNG"),
        (indexed(transparent=True), "PNG"),
        (Image.fromarray(IDS.astype(np.uint8)), "PNG"),
        (Image.fromarray(IDS.astype(np.uint16)), "PNG"),
        (Image.fromarray(IDS), "TIFF"),
        (Image.fromarray(np.dstack([IDS, np.full_like(IDS, 255)]).astype(np.uint8), "LA"), "PNG"),
    ],
)
def test_pictures(tmp_path, picture, format_):
    path = tmp_path / "a.png"
    picture.save(path, format_)
    found = read_ids(path, Size(2, 4), LISTED, "where")
    assert found.dtype == np.int32
    assert np.array_equal(found, IDS)


def test_megabytes_of_profile(tmp_path):
    """Pillow alone refuses to open such a file."""
    COLORS.save(tmp_path / "a.png", icc_profile=b"x" * 3_000_000)
    assert np.array_equal(read_ids(tmp_path / "a.png", Size(2, 4), LISTED, "where"), IDS)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (with_alpha(254), "its alpha channel is not 255 everywhere"),
        (with_alpha(0), "its alpha channel is not 255 everywhere"),
        (Image.new("YCbCr", (4, 2)), "mode YCbCr, expected an RGB PNG"),
    ],
)
def test_pictures_that_may_have_lost_ids(picture, message):
    with pytest.raises(DatasetError, match=f"x: {message}"):
        ids_of_picture(picture, LISTED, "x")


def test_a_palette_of_two_meanings():
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, 2, 0, 0, 1, 0, 0])
    with pytest.raises(DatasetError, match="both its palette's colours and its numbers fit"):
        ids_of_picture(picture, {1, 2}, "x")


def test_a_compressed_tiff(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.tif", compression="jpeg")
    with pytest.raises(DatasetError, match="compressed as JPEG"):
        read_ids(tmp_path / "a.tif", Size(16, 16), LISTED, "x")


@pytest.mark.parametrize(
    "array",
    [
        IDS,
        IDS.astype(np.int64),
        IDS.astype(np.float32),
        IDS[None],
        IDS[..., None],
        colors_from_ids(IDS),
        np.dstack([colors_from_ids(IDS), np.full(IDS.shape, 255, np.uint8)]),
    ],
)
def test_arrays(array):
    assert np.array_equal(ids_of_array(array, "x"), IDS)


def test_channels_first():
    wide = np.tile(IDS, (1, 2))
    assert np.array_equal(ids_of_array(colors_from_ids(wide).transpose(2, 0, 1), "x"), wide)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (IDS + 0.5, "x holds fractions"),
        (np.full((2, 2), np.nan), "x holds fractions"),
        (np.array([["a"]]), r"x has the shape \(1, 1\) and dtype <U1; expected segment ids"),
        (IDS - 1, "holds values from -1 to 199"),
        (IDS * 2**20, "expected values from 0 to 16777215"),
        (np.full((2, 2, 3), 256), "expected values from 0 to 255"),
    ],
)
def test_arrays_that_hold_no_ids(array, message):
    with pytest.raises(DatasetError, match=message):
        ids_of_array(array, "x")
