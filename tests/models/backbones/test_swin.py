from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.kernels import windows
from modelscope_swinpan.models.backbones.swin import SwinConfig, swin_large
from modelscope_swinpan.models.backbones.swin import module as swin
from tests.kernels.test_windows import naive_mask


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
    assert torch.allclose(attention(x), expected, atol=1e-5)
    with torch.no_grad(), mock.patch.object(windows, "LOGITS", 1024):  # gathered, two windows at a time
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


def test_a_trace_serves_every_batch():
    config = SwinConfig(embed_dim=8, depths=(2, 1, 1, 1), num_heads=(1, 2, 2, 4), window_size=4)
    backbone = swin.Swin(config).eval()
    with torch.no_grad():
        batch = ({0: torch.export.Dim("batch")},)
        traced = torch.export.export(backbone, (torch.zeros(2, 3, 33, 70),), dynamic_shapes=batch).module()
        for count in (1, 3):
            images = torch.randn(count, 3, 33, 70)
            for found, expected in zip(traced(images), backbone(images), strict=True):
                assert torch.allclose(found, expected, atol=1e-5)


def test_swin_large_is_the_hub_model():
    config = swin_large()
    assert config.backbone.channels == (192, 384, 768, 1536)
    assert (config.transformer_decoder.num_queries, config.num_classes) == (200, 133)
