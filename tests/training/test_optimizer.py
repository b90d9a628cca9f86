"""What learns, how fast and when."""

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.mask2former import Mask2Former
from modelscope_swinpan.training.config import TrainConfig
from modelscope_swinpan.training.optimizer import build_optimizer, freeze, rate_factor
from tests.builders import SMALL, SMALL_RESNET
from tests.training.runs import fresh_model


def groups(model, config):
    """Learning rate and decay of every weight by name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in build_optimizer(model, config).param_groups
        for parameter in group["params"]
    }


def test_rates_and_decays():
    model = fresh_model()
    found = groups(model, TrainConfig(learning_rate=1.0, backbone_multiplier=0.25, weight_decay=0.05))
    assert found.keys() == dict(model.named_parameters()).keys()
    expected = {
        "backbone.patch_embed.projection.weight": (0.25, 0.05),
        "backbone.patch_embed.norm.weight": (0.25, 0),
        "backbone.norms.3.bias": (0.25, 0),
        "backbone.stages.1.blocks.0.attn.relative_position_bias_table": (0.25, 0),
        "backbone.stages.1.blocks.0.attn.qkv.bias": (0.25, 0.05),
        "pixel_decoder.input_convs.0.norm.weight": (1, 0),
        "pixel_decoder.level_embed": (1, 0),
        "pixel_decoder.layers.0.self_attn.sampling_offsets.weight": (1, 0.05),
        "transformer_decoder.query_feat": (1, 0),
        "transformer_decoder.query_pos": (1, 0),
        "transformer_decoder.layers.0.cross_attn.in_proj_weight": (1, 0.05),
        "transformer_decoder.norm.weight": (1, 0),
        "transformer_decoder.class_head.weight": (1, 0.05),
    }
    assert {name: found[name] for name in expected} == expected


def test_muon_trains_inner_matrices_alone():
    model = fresh_model()
    config = TrainConfig(learning_rate=1.0, backbone_multiplier=0.25, weight_decay=0.05, muon=2.0)
    adamw, muon = build_optimizer(model, config)._parts
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in muon.param_groups
        for parameter in group["params"]
    }
    assert found["backbone.stages.1.blocks.0.attn.qkv.weight"] == (0.5, 0.05)
    assert found["transformer_decoder.layers.0.cross_attn.in_proj_weight"] == (2, 0.05)
    assert all(name.endswith("weight") for name in found)
    others = {names[id(parameter)] for group in adamw.param_groups for parameter in group["params"]}
    assert others | found.keys() == dict(model.named_parameters()).keys()
    assert not others & found.keys()
    for name in (
        "transformer_decoder.class_head.weight",
        "transformer_decoder.query_feat",
        "pixel_decoder.level_embed",
    ):
        assert name in others


def test_stages_and_parts_are_frozen():
    model = fresh_model()
    freeze(model, TrainConfig(frozen_stages=2, freeze=("pixel_decoder.layers", "transformer_decoder.layers.1")))
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert groups(model, TrainConfig()).keys() == learning
    still = {name for name, _ in model.named_parameters()} - learning
    assert {name.split(".")[0] for name in still} == {"backbone", "pixel_decoder", "transformer_decoder"}
    for name in dict(model.named_parameters()):
        frozen = name.startswith(
            (
                "backbone.patch_embed.",
                "backbone.stages.0.",
                "backbone.stages.1.",
                "backbone.norms.0.",
                "backbone.norms.1.",
                "pixel_decoder.layers.",
                "transformer_decoder.layers.1.",
            )
        )
        assert (name in still) == frozen, name


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (SMALL, {"freeze": ("pixel_decodr",)}, "no part 'pixel_decodr'. Did you mean 'pixel_decoder'?"),
        (SMALL, {"freeze": ("",)}, "no part ''. A name"),
        (SMALL, {"freeze": ("backbone", "pixel_decoder", "transformer_decoder")}, "Nothing is left to train"),
        (SMALL, {"frozen_stages": 5}, "frozen_stages is 5, but the Swin Transformer has 4 stages"),
        (SMALL_RESNET, {"frozen_stages": 1}, "frozen_stages is not for a ResNet; freeze its parts by name"),
    ],
    ids=["misspelt", "empty", "all", "stages", "resnet"],
)
def test_mistakes(model, options, message):
    with pytest.raises(ConfigError) as caught:
        freeze(Mask2Former(model), TrainConfig(**options))
    assert message in str(caught.value)


def test_schedules():
    step = TrainConfig(steps=1000, warmup=4, milestones=(0.5, 0.9))
    assert [rate_factor(at, step) for at in (0, 1, 3)] == pytest.approx([0.2, 0.4, 0.8])
    assert [rate_factor(at, step) for at in (4, 499, 500, 899, 900)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    cosine = TrainConfig(steps=104, warmup=4, schedule="cosine")
    assert [rate_factor(at, cosine) for at in (1, 4, 54, 103)] == pytest.approx([0.4, 1, 0.5, 0.000247], abs=1e-5)
