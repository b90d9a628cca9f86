"""Masks as polygons, filled again by a rule of their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelscope_swinpan.coco import polygons as module
from modelscope_swinpan.coco.polygons import joined, polygons
from modelscope_swinpan.data import masks
from modelscope_swinpan.structures import Size
from tests.runs.annotated import filled, iou, result

MASKS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def signed_area(polygon):
    x, y = polygon.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


@given(MASKS)
def test_without_a_tolerance_any_mask_comes_back(mask):
    """Every pixel, holes and parts in holes among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOLERANCE", 0)
        found = polygons(mask)
    assert np.array_equal(filled(mask.shape, *found), mask)


@given(MASKS)
def test_corners_lie_close_to_the_mask(mask):
    for polygon in polygons(mask):
        assert len(polygon) >= 3
        assert (polygon >= 0).all()
        assert (polygon <= mask.shape[::-1]).all()


def test_a_rectangle_has_four_corners():
    mask = np.zeros((7, 9), bool)
    mask[2:5, 1:7] = True
    (polygon,) = polygons(mask, (100, 200))
    assert sorted(map(tuple, polygon.tolist())) == [(101, 202), (101, 205), (107, 202), (107, 205)]


def test_a_pixel():
    (polygon,) = polygons(np.ones((1, 1), bool))
    assert sorted(map(tuple, polygon.tolist())) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_cuts_are_short():
    """Two parts, one of which has a hole, as one line: the cuts are gone along twice, and nothing else is long."""
    mask = np.zeros((60, 90), bool)
    mask[:50, :40] = mask[:50, 43:80] = True
    mask[4:20, 30:36] = False
    line = joined(polygons(mask))
    assert np.array_equal(filled(mask.shape, line), mask)
    edges = 2 * (50 + 40) + 2 * (50 + 37) + 2 * (16 + 6)
    assert np.abs(np.diff(line, axis=0, append=line[:1])).sum() <= edges + 2 * 3 + 2 * 9


@pytest.mark.timeout(60)  # it takes a second; in quadratic time, some minutes
@pytest.mark.parametrize("shape", [(301, 301), (3, 40_001)])
def test_thousands_of_holes_and_of_parts(shape):
    """A mask like leaves before the sky, or a row of pixels, and its holes come back as one line each."""
    mask = np.ones(shape, bool)
    mask[1::2, 1::2] = False
    size = Size(*shape)
    for wanted in (mask, ~mask):
        line = joined(polygons(wanted))
        assert np.array_equal(masks.decode(masks.polygons([line.reshape(-1)])(size)), wanted)


def test_parts_that_touch_at_a_corner():
    """A cut of no length joins them."""
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]])
    line = joined([square, square + 2])
    assert np.array_equal(filled((4, 4), line), np.kron(np.eye(2), np.ones((2, 2))))
    assert np.abs(np.diff(line, axis=0, append=line[:1])).sum() == 16


def test_nothing():
    assert polygons(np.zeros((4, 4), bool)) == []


def test_holes_are_not_filled_and_slopes_need_no_steps():
    found = result()
    for segment in found.segments:
        mask = found.mask(segment)
        shapes = polygons(mask)
        assert len(shapes) == (2 if segment.label == "cat" else 1)
        assert iou(filled(mask.shape, *shapes), mask) > 0.97
        assert sum(map(signed_area, shapes)) == pytest.approx(segment.area, rel=0.03)  # by any rule of winding
        assert sum(map(len, shapes)) < 70
