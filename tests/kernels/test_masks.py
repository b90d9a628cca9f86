import pytest
import torch

from modelscope_swinpan.kernels.masks import predict_masks


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradients", [True, False])
def test_masks_are_products_over_channels(dtype, memory_format, gradients):
    torch.manual_seed(0)
    embeddings = torch.randn(2, 5, 8, dtype=dtype)
    features = torch.randn(2, 8, 3, 4, dtype=dtype).contiguous(memory_format=memory_format)
    with torch.set_grad_enabled(gradients):
        found = predict_masks(embeddings, features)
    expected = torch.einsum("bqc,bchw->bqhw", embeddings.float(), features.float())
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=1e-5 if dtype == torch.float32 else 2**-8, atol=1e-5)
