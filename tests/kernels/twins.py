"""Random arguments for every fast form, and what it means to answer as the plain twin does."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from modelscope_swinpan.kernels import attention, deformable, dispatch, linear, masks, windows

TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
PLAIN = {fast: operation.__wrapped__ for operation, forms in dispatch.FORMS.items() for _, fast in forms}
"""The plain twin of every fast form."""
FLOATS = st.sampled_from(list(TOLERANCE))
SIDES = st.integers(1, 13)


def hold(fast: Callable[..., Tensor]) -> None:
    """Raise an AssertionError unless ``fast`` answers as its plain twin does, for many arguments."""

    @settings(max_examples=40, deadline=None)
    @given(CASES[fast](), st.booleans())
    def same(case: tuple[tuple[Any, ...], dict[str, Any]], on_cpu: bool) -> None:
        arguments, named = case
        with torch.inference_mode(), mock.patch.object(dispatch, "on_cpu", return_value=on_cpu):
            found, expected = fast(*arguments, **named), PLAIN[fast](*arguments, **named)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        scale = max(1.0, float(expected.float().abs().max()))
        assert float((found.float() - expected.float()).abs().max()) <= TOLERANCE[arguments[0].dtype] * scale

    # Small pieces, so that there are several.
    with (
        mock.patch.multiple(linear, HIDDEN_BYTES=512, FEW_ROWS=1),
        mock.patch.object(windows, "LOGITS", 200),
        mock.patch.object(deformable, "PIECE", 3),
    ):
        same()


@st.composite
def randn(draw, *shape, dtype):
    """Normal values; the shape's axes lie in memory in either order."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    if draw(st.booleans()):
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randn(shape[::-1], generator=generator).to(dtype).permute(*reversed(range(len(shape))))


@st.composite
def products(draw):
    dtype = draw(st.sampled_from(dispatch.onednn_dtypes()))
    rows, channels, outputs = draw(st.lists(SIDES, min_size=1, max_size=3)), draw(SIDES), draw(SIDES)
    bias = draw(st.none() | randn(outputs, dtype=dtype))
    return (draw(randn(*rows, channels, dtype=dtype)), draw(randn(outputs, channels, dtype=dtype)), bias), {}


@st.composite
def feed_forwards(draw):
    dtype, channels = draw(FLOATS), draw(SIDES)
    torch.manual_seed(draw(st.integers(0, 999)))
    fc1, fc2 = nn.Linear(channels, 2 * channels, dtype=dtype), nn.Linear(2 * channels, channels, dtype=dtype)
    x = draw(randn(2, draw(st.integers(1, 40)), channels, dtype=dtype))
    return (x, fc1, draw(st.sampled_from(["gelu", "relu"])), fc2), {}


@st.composite
def heads(draw):
    """Queries, keys and values."""
    dtype, batch, number, channels = draw(FLOATS), draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(SIDES)
    queries, keys = draw(SIDES), draw(SIDES)
    return [draw(randn(batch, number, n, channels, dtype=dtype)) for n in (queries, keys, keys)]


@st.composite
def biased(draw):
    q, k, v = draw(heads())
    return (q, k, v, draw(randn(q.shape[1], q.shape[2], k.shape[2], dtype=q.dtype))), {}


@st.composite
def masked(draw):
    q, k, v = draw(heads())
    blocked = draw(randn(len(q), q.shape[2], k.shape[2], dtype=torch.float32)) > 0
    return (q, k, v, blocked & ~blocked.all(-1, keepdim=True)), {}


@st.composite
def windowed(draw):
    dtype, number, size = draw(FLOATS), draw(st.integers(1, 3)), draw(st.integers(2, 5))
    channels = number * draw(st.integers(1, 5))
    torch.manual_seed(draw(st.integers(0, 999)))
    x = draw(randn(draw(st.integers(1, 2)), draw(SIDES), draw(SIDES), channels, dtype=dtype))
    bias = draw(randn(number, size**2, size**2, dtype=dtype))
    return (x, nn.Linear(channels, 3 * channels, dtype=dtype), bias), {
        "size": size,
        "shift": draw(st.sampled_from([0, size // 2])),
    }


@st.composite
def samples(draw):
    """Points inside of maps, outside, far outside, on borders and at corners."""
    dtype, shapes = draw(FLOATS), draw(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=3))
    batch, queries, number, points = (draw(st.integers(1, most)) for most in (2, 7, 3, 3))
    rows = sum(h * w for h, w in shapes)
    grid = (batch, queries, number, len(shapes), points)
    places = 4 + 5 * draw(randn(*grid, 2, dtype=torch.float32))
    special = torch.tensor([0.0, 1.0, -1e9, 1e9, 0.5])
    chosen = draw(randn(*grid, 2, dtype=torch.float32)).mul(1000).long() % 15
    places = torch.where(chosen < 5, special[chosen.clamp(max=4)], places)
    values = draw(randn(batch, rows, number, draw(SIDES), dtype=dtype))
    return (values, places, draw(randn(*grid, dtype=torch.float32)), shapes), {}


@st.composite
def short_rows(draw):
    shape = draw(st.lists(SIDES, min_size=2, max_size=4))
    return (30 * draw(randn(*shape, dtype=draw(FLOATS))),), {}


@st.composite
def queries_and_features(draw):
    dtype, batch, channels = draw(FLOATS), draw(st.integers(1, 3)), draw(SIDES)
    features = draw(randn(batch, channels, draw(SIDES), draw(SIDES), dtype=dtype))
    layout = draw(st.sampled_from([torch.contiguous_format, torch.channels_last]))
    return (draw(randn(batch, draw(SIDES), channels, dtype=dtype)), features.contiguous(memory_format=layout)), {}


CASES: dict[Callable[..., Tensor], Callable[[], st.SearchStrategy]] = {
    linear.linear_by_onednn: products,
    linear.feed_forward_in_pieces: feed_forwards,
    attention.biased_attention_by_products: biased,
    attention.masked_attention_by_products: masked,
    windows.windowed_attention_by_plan: windowed,
    deformable.sample_by_table: samples,
    deformable.sample_by_triton: samples,
    deformable.short_softmax_by_columns: short_rows,
    masks.predict_masks_by_image: queries_and_features,
}
"""Each fast form, and arguments of it: the first is a tensor whose dtype decides the tolerance."""
