"""A witness that shares no code with upstream or us: the transformers package's Mask2Former with the same weights."""

import pytest
import torch
from transformers import Mask2FormerConfig as TheirConfig
from transformers import Mask2FormerForUniversalSegmentation, SwinConfig

from modelscope_swinpan.checkpoints.architecture import infer_config
from modelscope_swinpan.checkpoints.load import build
from modelscope_swinpan.checkpoints.transformers import TRANSFORMERS
from tests.conftest import relative_error


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    backbone = SwinConfig(
        embed_dim=32,
        depths=[2, 2, 2, 2],
        num_heads=[2, 4, 8, 16],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        drop_path_rate=0.0,
    )
    config = TheirConfig(
        backbone_config=backbone,
        feature_size=64,
        mask_feature_size=64,
        hidden_dim=64,
        encoder_feedforward_dim=96,
        encoder_layers=3,
        decoder_layers=7,  # they count the prediction before the first layer too
        dim_feedforward=128,
        num_attention_heads=8,
        num_queries=30,
        num_labels=133,
    )
    model = Mask2FormerForUniversalSegmentation(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 or "bias_table" in name or "embed" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


@pytest.fixture(scope="module")
def ours(theirs):
    weights, unknown = TRANSFORMERS.read(theirs.state_dict())
    assert unknown == []
    return build(infer_config(weights, {}, "transformers"), weights, "transformers")


# From 160 pixels on every stage has more than one window, so that transformers shifts them as upstream does.
@pytest.mark.parametrize("shape", [(1, 3, 160, 192), (2, 3, 192, 320)])
def test_logits(theirs, ours, shape):
    pixel_values = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs(pixel_values, output_auxiliary_logits=True)
        found = ours(pixel_values, return_aux=True)
    assert relative_error(found.class_logits, expected.class_queries_logits) < 1e-5
    assert relative_error(found.mask_logits, expected.masks_queries_logits) < 1e-5
    assert len(found.aux_outputs) == len(expected.auxiliary_logits)
    for (class_logits, mask_logits), auxiliary in zip(found.aux_outputs, expected.auxiliary_logits, strict=True):
        assert relative_error(class_logits, auxiliary["class_queries_logits"]) < 1e-5
        assert relative_error(mask_logits, auxiliary["masks_queries_logits"]) < 1e-5


def test_weights_go_back_unchanged(theirs, ours):
    written = TRANSFORMERS.write(ours.state_dict())
    original = theirs.state_dict()
    left = {key for key in original if key not in written}
    assert left == {
        "criterion.empty_weight",
        "model.pixel_level_module.encoder.swin.layernorm.weight",
        "model.pixel_level_module.encoder.swin.layernorm.bias",
    }
    assert all(torch.equal(original[key], tensor) for key, tensor in written.items())
