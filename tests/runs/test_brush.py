"""Label Studio's code, read by the decoder that its form describes (github.com/thi-ng/umbrella, rle-pack)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelscope_swinpan.runs.brush import encode_brush


def decode(code, shape):
    """The mask of a code, bit by bit."""
    values = channels(code, shape)
    assert (values == values[..., :1]).all()
    assert set(np.unique(values)) <= {0, 255}
    return values[..., 3] == 255


def channels(code, shape):
    """The picture of a code, (H, W, 4)."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def read(count):
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    size, word = read(32), read(5) + 1
    lengths = [read(4) + 1 for _ in range(4)]
    values = []
    while len(values) < size:
        run = read(1)
        count = read(lengths[read(2)]) + 1
        values += [read(word)] * count if run else [read(word) for _ in range(count)]
    assert len(bits) - place < 8
    return np.array(values, np.uint8).reshape(*shape, 4)


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_comes_back(mask):
    assert np.array_equal(decode(encode_brush(mask), mask.shape), mask)


@pytest.mark.parametrize("size", [4, 5, 64, 65, 1024, 16384, 16385, 40000])
def test_long_runs(size):
    """At the ends of each kind of length, and beyond the longest."""
    mask = np.ones((1, size + 3), bool)
    mask[0, size:] = False
    assert np.array_equal(decode(encode_brush(mask), mask.shape), mask)


def test_bytes():
    """What the form's own example would be: one pixel, 32 + 5 + 16 bits of header, a run of four."""
    assert "".join(f"{byte:08b}" for byte in encode_brush(np.ones((1, 1), bool))) == (
        f"{4:032b}" + f"{7:05b}" + "0011" + "0111" + "1011" + "1111" + "1" + "00" + "0011" + "11111111" + "0000"
    )
