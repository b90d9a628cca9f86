import math
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscope_swinpan.kernels import deformable
from modelscope_swinpan.kernels.deformable import sample, sample_by_gathers, sample_by_table, short_softmax


def bilinear(image, x, y):
    """Value of ``image`` (h, w, c) at x, y, centres of pixels at halves, zero outside."""
    h, w, c = image.shape
    x, y = x - 0.5, y - 0.5
    total = torch.zeros(c)
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < h and 0 <= column < w:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return total


@settings(max_examples=20)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=3),
    b=st.integers(1, 2),
    n=st.integers(1, 3),
    heads=st.integers(1, 3),
    points=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_samples_equal_a_naive_loop(shapes, b, n, heads, points, seed):
    generator = torch.Generator().manual_seed(seed)
    c, levels = 4, len(shapes)
    values = torch.randn(b, sum(h * w for h, w in shapes), heads, c, generator=generator)
    places = torch.rand(b, n, heads, levels, points, 2, generator=generator) * 8 - 1.5  # some outside
    weights = torch.rand(b, n, heads, levels, points, generator=generator)
    expected = torch.zeros(b, n, heads, c)
    for i in range(b):
        for q in range(n):
            for head in range(heads):
                start = 0
                for level, (h, w) in enumerate(shapes):
                    image = values[i, start : start + h * w, head].view(h, w, c)
                    start += h * w
                    for p in range(points):
                        x, y = places[i, q, head, level, p].tolist()
                        expected[i, q, head] += weights[i, q, head, level, p] * bilinear(image, x, y)
    for form in (sample.__wrapped__, sample_by_table, sample_by_gathers):
        with mock.patch.object(deformable, "PIECE", 2):
            found = form(values, places, weights, shapes).view(b, n, heads, c)
        assert torch.allclose(found, expected, atol=1e-5)


def test_softmax_of_short_rows():
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        logits = 30 * torch.randn(2, 5, 3, 12, dtype=dtype)
        with torch.inference_mode():
            found = short_softmax(logits)
        assert found.dtype == torch.float32
        assert torch.allclose(found, logits.float().softmax(-1), atol=1e-6)
