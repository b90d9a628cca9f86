import pytest
import torch

from modelscope_swinpan.models.backbones.swin import WindowAttention
from modelscope_swinpan.models.rolled_windows import RolledWindowAttention, with_rolled_windows
from tests.builders import random_model


def attend(attention, x):
    return attention(x, attention.plan(x))


@pytest.mark.parametrize(("height", "width"), [(8, 12), (9, 14), (4, 4), (3, 9), (5, 2)])
@torch.no_grad()
def test_attends_as_the_other_form_does(height, width):
    model = random_model()
    blocks = model.backbone.stages[0].blocks
    rolled_blocks = with_rolled_windows(model).backbone.stages[0].blocks
    x = torch.randn(2, height, width, 32, generator=torch.Generator().manual_seed(0))
    for block, rolled in zip(blocks, rolled_blocks, strict=True):
        assert torch.allclose(rolled.attn(x, rolled.attn.plan(x)), block.attn(x, block.attn.plan(x)), atol=1e-5)
    assert [block.attn.shift for block in blocks] == [0, 2]


def test_shares_the_weights_and_leaves_the_model_alone():
    model = random_model()
    rolled = with_rolled_windows(model)
    for name, tensor in model.state_dict().items():
        assert rolled.state_dict()[name].data_ptr() == tensor.data_ptr()
    assert not any(isinstance(module, RolledWindowAttention) for module in model.modules())
    counts = [sum(isinstance(module, WindowAttention) for module in some.modules()) for some in (model, rolled)]
    assert counts[0] == counts[1] > 0
