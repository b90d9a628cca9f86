import pytest
import torch
from torch import nn
from torch.nn import functional as F

from modelscope_swinpan.kernels import dispatch
from modelscope_swinpan.kernels import linear as lin

needs_onednn = pytest.mark.skipif(
    not dispatch.onednn_dtypes(), reason="this build of PyTorch has no oneDNN, or none that is the faster way"
)


@pytest.fixture
def convolutions(monkeypatch):
    """How often the product was left to oneDNN."""
    seen = []
    original = dispatch.onednn_convolution
    monkeypatch.setattr(dispatch, "onednn_convolution", lambda *a: (seen.append(a), original(*a))[1])
    return seen


@needs_onednn
@pytest.mark.parametrize("shape", [(600, 24), (2, 20, 30, 24), (1, 1, 512, 24)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_is_linear(convolutions, shape, with_bias):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(shape), torch.randn(40, 24), torch.randn(40) if with_bias else None
    expected = F.linear(x, weight, bias)
    with torch.inference_mode():
        found = lin.linear(x, weight, bias)
    assert len(convolutions) == 1
    assert found.shape == expected.shape
    assert found.is_contiguous()
    assert torch.allclose(found, expected, atol=1e-5)


@needs_onednn
def test_inputs_that_are_not_contiguous(convolutions):
    x, weight = torch.randn(24, 700).T, torch.randn(48, 24)[::2]
    with torch.inference_mode():
        assert torch.allclose(lin.linear(x, weight), F.linear(x, weight), atol=1e-5)
    assert len(convolutions) == 1


@pytest.mark.skipif(torch.bfloat16 not in dispatch.onednn_dtypes(), reason="this processor has no fast bfloat16")
def test_bfloat16(convolutions):
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(shape).bfloat16() for shape in ((600, 64), (40, 64), (40,)))
    with torch.inference_mode():
        found = lin.linear(x, weight, bias)
    expected = F.linear(x.float(), weight.float(), bias.float())
    assert found.dtype == torch.bfloat16
    assert len(convolutions) == 1
    assert (found.float() - expected).abs().max() < 0.01 * expected.abs().max()


def test_gradients_and_few_rows_go_the_ordinary_way(convolutions):
    layer = lin.Linear(24, 40)
    layer(torch.randn(600, 24)).sum().backward()
    assert layer.weight.grad is not None
    with torch.inference_mode():
        layer(torch.randn(5, 24))
        layer.half()(torch.randn(600, 24).half())
        layer.float()(torch.randn(0, 24))
    assert convolutions == []


@pytest.mark.parametrize("rows", [1, 30, 1000])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_feed_forward_in_pieces(monkeypatch, rows, activation):
    torch.manual_seed(0)
    fc1, fc2, x = nn.Linear(8, 32), nn.Linear(32, 8), torch.randn(2, rows, 8)
    expected = fc2({"gelu": F.gelu, "relu": F.relu}[activation](fc1(x)))
    monkeypatch.setattr(lin, "HIDDEN_BYTES", 32 * 4 * 7)  # seven rows, which divide nothing
    monkeypatch.setattr(lin, "FEW_ROWS", 1)
    most = []
    fc1.register_forward_hook(lambda *a: most.append(len(a[2])))
    with torch.inference_mode():
        found = lin.feed_forward(x, fc1, activation, fc2)
    assert max(most) <= 7
    assert torch.allclose(found, expected, atol=1e-6)


def test_feed_forward_has_no_piece_too_small_for_the_fast_product(monkeypatch):
    monkeypatch.setattr(lin, "HIDDEN_BYTES", 1)
    monkeypatch.setattr(lin, "FEW_ROWS", 16)
    fc1, fc2 = nn.Linear(8, 32), nn.Linear(32, 8)
    rows = []
    fc1.register_forward_hook(lambda *a: rows.append(len(a[2])))
    with torch.inference_mode():
        lin.feed_forward(torch.randn(49, 8), fc1, "relu", fc2)
    assert rows == [17, 16, 16]


def test_feed_forward_with_gradients_is_whole(monkeypatch):
    monkeypatch.setattr(lin, "HIDDEN_BYTES", 1)
    fc1, fc2 = nn.Linear(8, 32), nn.Linear(32, 8)
    calls = []
    fc1.register_forward_hook(lambda *a: calls.append(a))
    lin.feed_forward(torch.randn(30, 8), fc1, "relu", fc2).sum().backward()
    assert len(calls) == 1
    assert fc1.weight.grad is not None
