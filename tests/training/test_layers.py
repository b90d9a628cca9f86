"""Stochastic depth, and memory for time."""

import copy

import pytest
import torch

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.backbones.swin import Block
from modelscope_swinpan.models.mask2former import Mask2Former
from modelscope_swinpan.training.layers import add_drop_path, recompute_layers
from tests.builders import SMALL_RESNET
from tests.training.runs import fresh_model


def test_later_blocks_are_left_out_more_often():
    model = fresh_model().train()
    add_drop_path(model, 0.8)
    blocks = [module for module in model.backbone.modules() if isinstance(module, Block)]
    torch.manual_seed(0)
    parts, means = [], []
    for block in blocks:
        tokens = torch.randn(1, 4, 4, block.norm1.normalized_shape[0]).expand(2000, -1, -1, -1)
        with torch.no_grad():
            out, whole = block.mlp(tokens), block.mlp.eval()(tokens)
        parts.append(float((out.flatten(1) == 0).all(1).float().mean()))
        means.append(float((out.mean(0) - whole[0]).norm() / whole[0].norm()))
    assert parts == pytest.approx([0, 0.2, 0.4, 0.6, 0.8], abs=0.05)
    assert max(means) < 0.15  # what is kept is scaled up


def test_nothing_is_left_out_of_answers():
    model, pixels = fresh_model().eval(), torch.randn(1, 3, 64, 64)
    expected, names = model(pixels).mask_logits, list(model.state_dict())
    add_drop_path(model, 0.9)
    assert torch.equal(model(pixels).mask_logits, expected)
    assert list(model.state_dict()) == names


def test_a_resnet_has_none():
    with pytest.raises(ConfigError, match="drop_path is not for a ResNet"):
        add_drop_path(Mask2Former(SMALL_RESNET), 0.1)


def gradients_and_kept(model):
    """Gradients of a loss, and how many bytes were kept for them."""
    kept = 0

    def keep(tensor):
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(torch.randn(1, 3, 96, 128), return_aux=True)
    (output.mask_logits.square().mean() + output.class_logits.square().mean()).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}, kept


def test_the_same_gradients_from_less_memory():
    model = fresh_model().train()
    again = copy.deepcopy(model)
    recompute_layers(again)
    expected, all_of_it = gradients_and_kept(model)
    found, less = gradients_and_kept(again)
    assert less < 0.4 * all_of_it
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] is None) == (gradient is None), name
        assert gradient is None or torch.equal(found[name], gradient), name


def test_answers_and_names_stay():
    model = fresh_model().eval()
    pixels, names = torch.randn(1, 3, 64, 64), list(model.state_dict())
    with torch.inference_mode():
        expected = model(pixels).mask_logits
        recompute_layers(model)
        assert torch.equal(model(pixels).mask_logits, expected)
    assert list(model.state_dict()) == names
