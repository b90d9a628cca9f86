from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelscope_swinpan.data.formats.brush import decode_brush
from modelscope_swinpan.data.report import Dropped
from modelscope_swinpan.runs.brush import encode_brush
from modelscope_swinpan.structures import Size
from tests.data.drawings import brush_code


def test_what_label_studio_wrote():
    """The code that label-studio-sdk 2.1.2 makes of this mask (``converter.brush.mask2rle``)."""
    code = [0, 0, 0, 96, 57, 27, 254, 27, 0, 183, 255, 108, 2, 223, 254, 27, 0, 143, 252]
    mask = np.zeros((4, 6), bool)
    mask[1:3, 1:4] = mask[3, 5] = True
    assert (decode_brush(code, Size(4, 6)) == mask).all()


@given(st.binary(min_size=35, max_size=35))
def test_the_mask_is_where_alpha_is(pixels):
    mask = (np.frombuffer(pixels, np.uint8).reshape(5, 7) & 1).astype(bool)
    assert (decode_brush(brush_code(mask), Size(5, 7)) == mask).all()


@pytest.mark.parametrize("most", [255, 1, 2])
def test_soft_edges_are_cut_at_half(most):
    """A brush paints them, in 8 bits; other programs write 0 and 1."""
    alpha = [0, most // 2, most // 2 + 1, most]
    bits = f"{16:032b}{7:05b}{0:04b}{0:04b}{0:04b}{3:04b}" + "".join(f"111{3:04b}{value:08b}" for value in alpha)
    code = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
    assert decode_brush(code, Size(1, 4)).tolist() == [[False, False, True, True]]


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_our_own_code(mask):
    assert np.array_equal(decode_brush(encode_brush(mask), Size(*mask.shape)), mask)


def test_our_own_code_of_long_runs():
    mask = np.zeros((200, 300), bool)
    mask[3:150] = mask[160, 7] = True
    assert np.array_equal(decode_brush(encode_brush(mask), Size(200, 300)), mask)


@given(st.lists(st.integers(0, 255), max_size=40))
def test_damaged_codes_end_in_time(code):
    header = [0, 0, 0, 140, 57, 36, 127, 0]
    with suppress(Dropped):
        assert decode_brush(header + code, Size(5, 7)).shape == (5, 7)


@pytest.mark.parametrize("code", [[], [1, 2, 3], ["a"], [300], [True], [255, 255, 255, 255, 0, 0, 0, 0]])
def test_codes_that_are_none(code):
    with pytest.raises(Dropped, match="brush mask"):
        decode_brush(code, Size(5, 7))
