"""Weights to start training from."""

import pytest
import torch

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.deformable_attention import MultiScaleDeformableAttention
from modelscope_swinpan.models.initialize import initialize
from modelscope_swinpan.models.mask2former import Mask2Former
from tests.builders import SMALL, SMALL_RESNET


def initialized(seed=0):
    torch.manual_seed(seed)
    model = Mask2Former(SMALL)
    with torch.no_grad():
        for parameter in model.transformer_decoder.parameters():
            if parameter.dim() > 1:
                parameter.fill_(7.0)  # nothing may be left as it was
    initialize(model)
    return model


def test_values_and_gradients_keep_their_scale():
    model = initialized().train()
    output = model(torch.randn(2, 3, 96, 96), return_aux=True)
    assert torch.isfinite(output.mask_logits).all()
    assert 0.1 < output.mask_logits.std() < 100
    assert 0.1 < output.class_logits.std() < 10
    sum(logits.square().mean() for pair in (*output.aux_outputs, output[:2]) for logits in pair).backward()
    silent = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or parameter.grad.abs().max() == 0
    }
    # It is only seen through offsets and weights of attention, products with zeros until those move.
    assert silent == {"pixel_decoder.level_embed"}


def test_a_resnet_does_not_learn_from_nothing():
    with pytest.raises(ConfigError, match="Start from a checkpoint"):
        initialize(Mask2Former(SMALL_RESNET))


def test_every_weight_is_its_papers():
    model = initialized()
    for name, parameter in model.named_parameters():
        if "norm" in name and name.endswith("weight") and parameter.dim() == 1:
            assert (parameter == 1).all(), name
        elif name.endswith("bias") and "sampling_offsets" not in name:
            assert (parameter == 0).all(), name
        elif name.startswith("backbone."):
            assert 0.015 < parameter.std() < 0.025, name
        elif name.rsplit(".")[-1] in ("query_feat", "query_pos", "level_embed"):
            assert 0.8 < parameter.std() < 1.2, name


def test_deformable_attention_starts_at_a_ring():
    attention = initialized().pixel_decoder.layers[0].self_attn
    assert isinstance(attention, MultiScaleDeformableAttention)
    offsets = attention.sampling_offsets.bias.view(8, 3, 4, 2)
    assert torch.allclose(offsets[0, 0], torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]]), atol=1e-6)
    assert torch.allclose(offsets[1, 2], torch.tensor([[1.0, 1], [2, 2], [3, 3], [4, 4]]), atol=1e-5)
    assert torch.allclose(offsets[4], -offsets[0], atol=1e-5)
    query = torch.randn(1, 5, 64)
    assert torch.equal(attention.sampling_offsets(query)[0, 0], attention.sampling_offsets.bias)
    assert (attention.attention_weights(query) == 0).all()


def test_a_seed_decides_all():
    first, same, other = (initialized(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["transformer_decoder.query_feat"], other["transformer_decoder.query_feat"])
