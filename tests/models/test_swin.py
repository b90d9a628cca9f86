import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.config import SwinConfig
from modelscope_swinpan.models import swin

SIZES = st.integers(1, 4)


@given(b=st.integers(1, 2), rows=SIZES, columns=SIZES, size=st.integers(1, 6), c=st.integers(1, 5))
def test_partition_and_merge_invert(b, rows, columns, size, c):
    x = torch.arange(b * rows * size * columns * size * c).view(b, rows * size, columns * size, c)
    windows = swin.partition(x, size)
    assert windows.shape == (b, rows, columns, size**2, c)
    assert torch.equal(windows[0, 0, 0].view(size, size, c), x[0, :size, :size])
    assert torch.equal(swin.merge(windows, x.shape[1], x.shape[2]), x)


def naive_mask(height, width, size, shift):
    """The mask of every window as the paper has it: label the regions of the rolled map, compare within windows."""
    labels = torch.zeros(1, height, width, 1)
    slices = (slice(0, -size), slice(-size, -shift), slice(-shift, None))
    for index, (rows, columns) in enumerate((r, c) for r in slices for c in slices):
        labels[:, rows, columns] = index
    windows = swin.partition(labels, size).squeeze(-1)
    return swin.MASKED * (windows[..., :, None] != windows[..., None, :]).float()[0]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (3, 1), (3, 4)])
def test_shifted_windows_are_of_four_kinds(rows, columns):
    size, shift = 4, 2
    expected = naive_mask(rows * size, columns * size, size, shift)
    seen = torch.full((rows, columns, size**2, size**2), torch.nan)
    for row_slice, column_slice, mask in swin.shifted_window_kinds(size, shift):
        seen[row_slice, column_slice] = mask
    assert torch.equal(seen, expected)


def test_relative_position_index_matches_its_definition():
    index = swin.relative_position_index(3)
    for a in range(9):
        for b in range(9):
            dy, dx = a // 3 - b // 3, a % 3 - b % 3
            assert index[a, b] == (dy + 2) * 5 + dx + 2


@settings(max_examples=25)
@given(height=st.integers(1, 13), width=st.integers(1, 13), shift=st.sampled_from([0, 2]), seed=st.integers(0, 99))
def test_window_attention_equals_a_naive_loop(height, width, shift, seed):
    """One window, one head at a time, on the padded and rolled map."""
    torch.manual_seed(seed)
    size, heads, dim = 4, 2, 8
    attention = swin.WindowAttention(dim=dim, num_heads=heads, window_size=size, shift=shift)
    torch.nn.init.normal_(attention.relative_position_bias_table)
    x = torch.randn(1, height, width, dim)
    padded = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
    h, w = padded.shape[1:3]
    rolled = padded.roll((-shift, -shift), (1, 2))
    masks = naive_mask(h, w, size, shift) if shift else torch.zeros(h // size, w // size, 1, 1)
    expected = torch.zeros_like(rolled)
    for i in range(h // size):
        for j in range(w // size):
            area = (0, slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size))
            q, k, v = attention.qkv(rolled[area].reshape(-1, dim)).view(-1, 3, heads, dim // heads).unbind(1)
            out = []
            for head in range(heads):
                logits = q[:, head] @ k[:, head].T / (dim // heads) ** 0.5
                bias = attention.relative_position_bias_table[swin.relative_position_index(size), head]
                out.append((logits + bias + masks[i, j]).softmax(-1) @ v[:, head])
            expected[area] = attention.proj(torch.cat(out, 1)).view(size, size, dim)
    expected = expected.roll((shift, shift), (1, 2))[:, :height, :width]
    assert torch.allclose(attention(x), expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (33, 70)])
def test_feature_maps(height, width):
    config = SwinConfig(embed_dim=8, depths=(1, 2, 1, 1), num_heads=(1, 2, 2, 4), window_size=4)
    features = swin.Swin(config)(torch.randn(2, 3, height, width))
    for index, (feature, channels) in enumerate(zip(features, (8, 16, 32, 64), strict=True)):
        stride = 4 * 2**index
        assert feature.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_patch_merging_order():
    """(0, 0), (1, 0), (0, 1), (1, 1) as (row, column), as the original Swin concatenates."""
    merging = swin.PatchMerging(1)
    merging.norm = torch.nn.Identity()
    merging.reduction = torch.nn.Identity()
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).view(1, 2, 2, 1)
    assert merging(x).flatten().tolist() == [0, 2, 1, 3]
