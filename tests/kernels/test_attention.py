import pytest
import torch
from torch.nn import functional as F

from modelscope_swinpan.kernels import attention, dispatch


@pytest.mark.parametrize("matrix_unit", [True, False])
@pytest.mark.parametrize(("windows", "queries"), [(1, 9), (3, 4), (7, 9)])
def test_bfloat16_by_either_way(monkeypatch, windows, queries, matrix_unit):
    monkeypatch.setattr(dispatch, "has_matrix_unit", lambda: matrix_unit)
    torch.manual_seed(0)
    qkv, bias = torch.randn(windows, 9, 3, 2, 8).bfloat16(), torch.randn(2, queries, 9).bfloat16()
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    q = q[:, :, :queries]
    with torch.inference_mode():
        found = attention.biased_attention(q, k, v, bias)
    expected = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=bias[None].float())
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize("matrix_unit", [True, False])
def test_bfloat16_with_a_mask_by_either_way(monkeypatch, matrix_unit):
    monkeypatch.setattr(dispatch, "has_matrix_unit", lambda: matrix_unit)
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, n, 2, 8).bfloat16().transpose(1, 2) for n in (5, 33, 33))
    blocked = torch.rand(3, 5, 33) < 0.5
    with torch.inference_mode():
        found = attention.masked_attention(q, k, v, blocked)
        unblocked = attention.masked_attention(q, k, v)
    assert found.dtype == torch.bfloat16
    for answer, mask in ((found, ~blocked[:, None]), (unblocked, None)):
        expected = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask)
        assert (answer - expected).abs().max() < 0.02 * expected.abs().max()


def test_by_products_only_where_nothing_is_differentiated(monkeypatch):
    monkeypatch.setattr(dispatch, "has_matrix_unit", lambda: False)
    monkeypatch.setattr(attention, "_softmax", lambda *_: pytest.fail("not for gradients, nor for float32"))
    q, blocked = torch.randn(2, 2, 9, 8, requires_grad=True), torch.eye(9).bool().expand(2, 9, 9)
    half = q.bfloat16()
    attention.biased_attention(half, half, half, torch.zeros(2, 9, 9).bfloat16()).sum().backward()
    attention.masked_attention(half, half, half, blocked).sum().backward()
    with torch.inference_mode():
        attention.biased_attention(q, q, q, torch.zeros(2, 9, 9))
        attention.masked_attention(q, q, q, blocked)


def test_autocast_may_leave_the_bias_in_float32(monkeypatch):
    monkeypatch.setattr(dispatch, "has_matrix_unit", lambda: False)
    q, bias = torch.randn(3, 2, 9, 8).bfloat16(), torch.randn(2, 9, 9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = attention.biased_attention(q, q, q, bias)
    expected = F.scaled_dot_product_attention(q.float(), q.float(), q.float(), attn_mask=bias[None])
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


def test_far_logits_do_not_overflow(monkeypatch):
    monkeypatch.setattr(dispatch, "has_matrix_unit", lambda: False)
    q = torch.full((1, 1, 4, 8), 60.0).bfloat16()
    with torch.inference_mode():
        found = attention.biased_attention(q, q, q, torch.zeros(1, 4, 4).bfloat16())
    assert torch.equal(found, q)
