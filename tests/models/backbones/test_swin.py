from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.kernels.window_plan import MASKED, window_plan
from modelscope_swinpan.models.backbones.swin import SwinConfig, swin_large
from modelscope_swinpan.models.backbones.swin import module as swin

SIDES = st.integers(1, 13)


def cut(x, size):
    """(h, w) into windows (rows, columns, size²)."""
    return torch.stack([torch.stack([w.flatten() for w in row.split(size, 1)]) for row in x.split(size)])


def naive_mask(height, width, size, shift):
    """The mask of every window as the paper has it: label the regions of the rolled map, compare within windows."""
    labels = torch.zeros(height, width)
    slices = (slice(0, -size), slice(-size, -shift), slice(-shift, None))
    for index, (rows, columns) in enumerate((r, c) for r in slices for c in slices):
        labels[rows, columns] = index
    windows = cut(labels, size)
    return MASKED * (windows[..., :, None] != windows[..., None, :]).float()


@given(batch=st.integers(1, 2), height=SIDES, width=SIDES, shift=st.sampled_from([0, 2]), skip_padding=st.booleans())
def test_window_plan(batch, height, width, shift, skip_padding):
    """Every window of the padded and rolled map once, with its own mask, and every token that is no padding asked."""
    size = 4
    plan = window_plan(batch, height, width, size, shift, skip_padding, torch.device("cpu"))
    total = batch * height * width
    parts = [kind.tokens.view(-1, size**2) for kind in plan.kinds]
    every = torch.arange(size**2)
    queries = [every if kind.queries is None else kind.queries for kind in plan.kinds]
    asked = torch.cat([part[:, some].flatten() for part, some in zip(parts, queries, strict=True)])
    assert torch.equal(asked[plan.places], torch.arange(total))
    assert not skip_padding or len(asked) == total
    found = {
        tuple(window.tolist()): (kind.mask, some)
        for part, kind, some in zip(parts, plan.kinds, queries, strict=True)
        for window in part
    }
    h, w = -(-height // size) * size, -(-width // size) * size
    masks = naive_mask(h, w, size, shift).flatten(0, 1) if shift else torch.zeros(h * w // size**2, 1)
    for token in torch.arange(total).view(batch, height, width):
        rolled = F.pad(token, (0, w - width, 0, h - height), value=total).roll((-shift, -shift), (0, 1))
        for window, mask in zip(cut(rolled, size).flatten(0, 1), masks, strict=True):
            seen, some = found[tuple(window.tolist())]
            expected = mask.expand(size**2, -1)[some]
            assert torch.equal(torch.zeros_like(expected) if seen is None else seen, expected)
    assert sum(map(len, parts)) == batch * len(masks)
    assert len(plan.kinds) <= (9 if skip_padding else 4)


def test_relative_position_index_matches_its_definition():
    index = swin.relative_position_index(3, torch.device("cpu"))
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
    index = swin.relative_position_index(size, torch.device("cpu"))
    expected = torch.zeros_like(rolled)
    for i in range(h // size):
        for j in range(w // size):
            area = (0, slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size))
            q, k, v = attention.qkv(rolled[area].reshape(-1, dim)).view(-1, 3, heads, dim // heads).unbind(1)
            out = []
            for head in range(heads):
                logits = q[:, head] @ k[:, head].T / (dim // heads) ** 0.5
                bias = attention.relative_position_bias_table[index, head]
                out.append((logits + bias + masks[i, j]).softmax(-1) @ v[:, head])
            expected[area] = attention.proj(torch.cat(out, 1)).view(size, size, dim)
    expected = expected.roll((shift, shift), (1, 2))[:, :height, :width]
    assert torch.allclose(attention(x, attention.plan(x)), expected, atol=1e-5)
    with torch.no_grad(), mock.patch.object(swin, "LOGITS", 1024):  # padding left out, two windows at a time
        assert torch.allclose(attention(x, attention.plan(x)), expected, atol=1e-5)


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


def test_a_trace_makes_its_own_plan():
    config = SwinConfig(embed_dim=8, depths=(2, 1, 1, 1), num_heads=(1, 2, 2, 4), window_size=4)
    backbone, image = swin.Swin(config).eval(), torch.randn(1, 3, 33, 70)
    with torch.no_grad():
        traced = torch.export.export(backbone, (image,)).module()
        for found, expected in zip(traced(image), backbone(image), strict=True):
            assert torch.allclose(found, expected, atol=1e-5)


def test_swin_large_is_the_hub_model():
    config = swin_large()
    assert config.backbone.channels == (192, 384, 768, 1536)
    assert (config.transformer_decoder.num_queries, config.num_classes) == (200, 133)
