"""What a tile shows of an object; the rules for several views are tested with the merges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelscope_swinpan.inference.views import agree, common, make_view, slices
from modelscope_swinpan.structures import Segment

PHOTO = (200, 300)


def view(window, box, mask=None):
    """The view of a box, in pixels of the window."""
    shape = (box[3] - box[1], box[2] - box[0])
    mask = np.ones(shape, np.bool_) if mask is None else mask
    return make_view(Segment(1, 0, 1, "person", True, int(mask.sum()), box, 0.9), mask, window, PHOTO)


corners = st.tuples(st.integers(0, 70), st.integers(0, 70), st.integers(0, 40), st.integers(0, 40))


@given(seed=st.integers(0, 10**6), region=corners)
def test_any_part_of_a_mask_is_unpacked(seed, region):
    x, y, width, height = region
    region = (x, y, x + width, y + height)
    mask = np.random.default_rng(seed).random((17, 29)) < 0.5
    photo = np.zeros(PHOTO, np.bool_)
    photo[25:42, 13:42] = mask
    shown = view((10, 20, 60, 70), (3, 5, 32, 22), mask)
    assert shown.segment.box == (13, 25, 42, 42)
    assert np.array_equal(shown.mask(region), photo[slices(common(region, (13, 25, 42, 42)))])


@pytest.mark.parametrize(
    ("window", "box", "margin", "cut"),
    [
        ((64, 64, 128, 128), (1, 20, 40, 50), 1, False),
        ((64, 64, 128, 128), (20, 20, 40, 64), 0, True),
        ((0, 64, 64, 128), (0, 20, 40, 50), 14, False),
        ((236, 136, 300, 200), (10, 9, 64, 64), 9, False),
        ((0, 0, 300, 200), (0, 0, 300, 200), np.inf, False),
        ((0, 0, 192, 192), (9, 9, 190, 50), 2, True),
    ],
)
def test_only_inner_edges_cut(window, box, margin, cut):
    shown = view(window, box)
    assert (shown.margin, shown.cut) == (margin, cut)


def test_views_are_compared_where_both_windows_look_or_everywhere():
    first, second = view((0, 0, 100, 100), (10, 10, 100, 50)), view((80, 0, 180, 100), (0, 10, 20, 50))
    assert agree(first, second)
    assert not agree(first, second, everywhere=True)
    assert not agree(first, view((80, 0, 180, 100), (0, 10, 9, 50)))
