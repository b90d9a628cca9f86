import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as theirs

from modelscope_swinpan.data.masks import (
    area,
    bitmap,
    box,
    decode,
    ellipse,
    filled,
    pasted,
    polygons,
    runs,
    uncompressed,
)
from modelscope_swinpan.data.report import Dropped
from modelscope_swinpan.structures import Size

SIZE = Size(12, 17)
coordinates = st.floats(-5, 25, allow_nan=False)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8))
def test_polygons_are_those_of_pycocotools(points):
    flat = [value for point in points for value in point]
    expected = theirs.decode(theirs.frPyObjects([flat], *SIZE)[0])
    assert (decode(polygons([flat])(SIZE)) == expected).all()


@given(st.binary(min_size=12 * 17, max_size=12 * 17))
def test_runs_of_both_notations(pixels):
    mask = (np.frombuffer(pixels, np.uint8).reshape(SIZE) & 1).astype(bool)
    text = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    counts = uncompressed(text)
    assert (runs(counts, SIZE) == mask).all()
    assert (decode(bitmap(mask)) == mask).all()
    by_rows = [0] if mask[0, 0] else []
    changes = np.flatnonzero(np.diff(mask.ravel())) + 1
    by_rows += np.diff([0, *changes, mask.size]).tolist()
    assert (runs(by_rows, SIZE, by_rows=True) == mask).all()


@pytest.mark.parametrize("counts", [[3, 4], [12 * 17 + 1], [-3, 12 * 17 + 3], [2**63, 5], []])
def test_runs_of_another_length(counts):
    with pytest.raises(Dropped, match="do not add up to 17 × 12"):
        runs(counts, SIZE)


@pytest.mark.parametrize("text", ["o", "\x01", "é", "o" * 40])
def test_damaged_runs(text):
    with pytest.raises(Dropped, match="compressed runs"):
        uncompressed(text)


def test_boxes_and_ellipses():
    straight = decode(box(2, 3, 6, 4)(SIZE))
    assert straight.sum() == 24
    assert straight[3:7, 2:8].all()
    turned = decode(box(2, 3, 6, 4, degrees=90, center=True)(SIZE))
    assert turned[2:8, 3:7].all()
    assert turned.sum() == 24
    about_corner = decode(box(8, 3, 6, 4, degrees=90)(SIZE))
    assert about_corner[3:9, 4:8].all()
    assert about_corner.sum() == 24
    assert area(ellipse(8, 6, 5, 3)(SIZE)) == pytest.approx(np.pi * 15, rel=0.1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("box_of", [(-1e308, 0, float("inf"), 5), (1e308, 1e308, 1e308, 1e308)])
def test_boxes_beyond_all_numbers(box_of):
    with pytest.raises(Dropped, match="far outside the image"):
        box(*box_of, degrees=30, center=True)(SIZE)


def test_a_polygon_of_pixels():
    """Its corners belong to it, those of its holes to the holes, and what is outside the photo is not drawn."""
    found = decode(filled([2, 3, 7, 3, 7, 8, 2, 8], [[4, 5, 5, 5, 5, 6, 4, 6]])(SIZE))
    expected = np.zeros(SIZE, bool)
    expected[3:9, 2:8] = True
    expected[5:7, 4:6] = False
    assert (found == expected).all()
    assert decode(filled([-5, -5, 30, -5, 30, 30, -5, 30], [])(SIZE)).all()
    for corners in ([1, 2, 3, 4], [0, 0, 1e8, 0, 1e8, 1], [0, 0, float("nan"), 1, 2, 2]):
        with pytest.raises(Dropped):
            filled(corners, [])(SIZE)


def test_a_pasted_mask_stays_inside():
    piece = np.ones((2, 3), bool)
    assert decode(pasted(piece, 14, 10)(SIZE))[10:, 14:].all()
    for left, top in ((15, 10), (14, 11), (-1, 0)):
        with pytest.raises(Dropped, match="sticks out"):
            pasted(piece, left, top)(SIZE)


def test_a_polygon_that_would_take_for_ever():
    with pytest.raises(Dropped, match="edges are longer"):
        polygons([[0, 0, 160, 100] * 20000])(SIZE)


def test_parts_that_are_points_or_lines_do_not_cost_the_object():
    whole = [2, 3, 7, 3, 7, 8, 2, 8]
    assert polygons([[], [9, 9], whole, [1, 1, 5, 5]])(SIZE) == polygons([whole])(SIZE)
    for parts in ([[]], [[1, 1, 5, 5]], [whole, [1, 1, 5]]):
        with pytest.raises(Dropped, match="expected pairs of x and y of three or more corners"):
            polygons(parts)(SIZE)
