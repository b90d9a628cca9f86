"""What tests/models/test_deformable_triton.py runs under Triton's interpreter: says 'same' once a case."""

import torch

from modelscope_swinpan.kernels.deformable_attention import sample_by_grid

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
    """Raise an AssertionError unless the kernel samples as :func:`sample_by_grid` does, rounded once."""
    from modelscope_swinpan.kernels.deformable_triton import sample_by_triton

    values, *others = arguments
    found = sample_by_triton(values, *others)
    expected = sample_by_grid(values.float(), *others)
    assert found.dtype == values.dtype
    torch.testing.assert_close(found, expected.to(found.dtype), atol=1e-5, rtol=torch.finfo(found.dtype).eps * 4)


if __name__ == "__main__":
    every = [(sizes, torch.float32) for sizes in CASES]
    for sizes, dtype in (*every, (CASES[2], torch.bfloat16), (CASES[2], torch.float16)):
        check(case(*sizes, dtype=dtype))
        print("same")
    *tensors, shapes = case(*CASES[0], dtype=torch.float32)
    torch.library.opcheck(  # what torch.compile believes of the operator
        torch.ops.swinpan.sample_levels.default, (*tensors, [side for shape in shapes for side in shape])
    )
