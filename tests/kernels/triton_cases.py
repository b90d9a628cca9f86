"""test_deformable_triton.py runs this file under Triton's interpreter. It prints 'same' for each case that holds."""

import torch

from modelscope_swinpan.kernels.deformable import sample, sample_by_triton
from tests.kernels.twins import hold

CASES = [  # shapes, batch, queries, heads, points, channels
    ([(1, 1)], 1, 1, 1, 1, 1),
    ([(3, 5), (6, 7)], 2, 33, 1, 2, 8),  # more queries than one program has
    ([(5, 2), (1, 7), (2, 2)], 1, 3, 3, 2, 5),  # a width that is no power of two
    ([(2, 3)], 3, 2, 1, 4, 32),
]


def case(shapes, b, n, heads, points, channels, *, dtype, device="cpu"):
    """Random values of ``dtype``, and places of which some are outside, far outside, on borders and at corners."""
    generator = torch.Generator().manual_seed(n)
    levels = len(shapes)
    values = torch.randn(b, sum(h * w for h, w in shapes), heads, channels, generator=generator).to(dtype)
    places = torch.rand(b, n, heads, levels, points, 2, generator=generator) * 9 - 1
    special = torch.tensor([0.0, 1.0, -1e9, 1e9, 0.5])
    chosen = torch.randint(0, len(special), places.shape, generator=generator)
    places = torch.where(torch.rand(places.shape, generator=generator) < 0.3, special[chosen], places)
    weights = torch.rand(b, n, heads, levels, points, generator=generator)
    return values.to(device), places.to(device), weights.to(device), shapes


def check(arguments):
    """Raise an AssertionError unless the kernel samples as its plain twin does, rounded once.

    The twin's places are fractions of a map: on one of 152 columns, their rounding alone makes differences of 2e-5.
    """
    values, *others = arguments
    found = sample_by_triton(values, *others)
    expected = sample.__wrapped__(values.float(), *others)
    assert found.dtype == values.dtype
    torch.testing.assert_close(found, expected.to(found.dtype), atol=5e-5, rtol=torch.finfo(found.dtype).eps * 4)


if __name__ == "__main__":
    every = [(sizes, torch.float32) for sizes in CASES]
    for sizes, dtype in (*every, (CASES[2], torch.bfloat16), (CASES[2], torch.float16)):
        check(case(*sizes, dtype=dtype))
        print("same")
    hold(sample_by_triton)
    print("same")
