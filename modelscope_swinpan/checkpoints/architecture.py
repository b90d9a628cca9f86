"""The architecture of a model, read off the shapes of its weights."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..config import (
    Mask2FormerConfig,
    PixelDecoderConfig,
    ResNetConfig,
    SwinConfig,
    TransformerDecoderConfig,
    check_names,
)
from ..errors import CheckpointError, ConfigError

UNSEEN: Mapping[str, int] = {"num_heads": 8, "num_points": 4, "stride_in_1x1": False}
"""What no shape tells, with the values that every published model has; ``configuration.json`` may say otherwise."""

MAX_LAYERS = 100
"""Of a kind; a model of many thousands takes minutes to build, if only to find most of its weights missing."""

RESNET_DEPTHS = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101}
"""Depth by the number of blocks in each stage."""


def infer_config(tensors: Mapping[str, Tensor], overrides: Mapping[str, Any], where: str) -> Mask2FormerConfig:
    """Config of the model whose weights, under our keys, are ``tensors``; classes are left at their default.

    ``overrides`` may give ``num_heads`` (of the pixel decoder and of the transformer decoder), ``num_points``, and
    ``stride_in_1x1`` of a ResNet.

    Raises:
        CheckpointError: the weights are not those of a Mask2Former. ``where`` names the file.
        ConfigError: an unknown override, or one that does not divide the sizes found.
    """
    check_names(overrides, UNSEEN, "configuration.json: model.architecture")
    unseen = {**UNSEEN, **overrides}
    for name, value in unseen.items():
        if type(value) is not type(UNSEEN[name]) or (value is not False and value < 1):
            expected = "true or false" if isinstance(UNSEEN[name], bool) else "a positive int"
            raise ConfigError(f"configuration.json: model.architecture: {name} must be {expected}; got {value!r}.")
    try:
        return _infer(tensors, **unseen)
    except ConfigError:
        raise
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{where} does not hold the weights of a Mask2Former: its architecture cannot be read off "
            f"({type(error).__name__}: {error})."
        ) from None


def num_classes(tensors: Mapping[str, Tensor]) -> int:
    """K of the class head, without the no-object class."""
    return tensors["transformer_decoder.class_head.bias"].shape[0] - 1


def _count(tensors: Mapping[str, Tensor], template: str) -> int:
    """How many keys of that template there are, numbered from 0."""
    for number in range(MAX_LAYERS):
        if template.format(number) not in tensors:
            return number
    raise ValueError(f"more than {MAX_LAYERS} layers of a kind")


def _swin(tensors: Mapping[str, Tensor]) -> SwinConfig:
    stages = range(_count(tensors, "backbone.norms.{}.weight"))
    tables = [tensors[f"backbone.stages.{i}.blocks.0.attn.relative_position_bias_table"].shape for i in stages]
    embed_dim = tensors["backbone.patch_embed.norm.weight"].shape[0]
    return SwinConfig(
        embed_dim=embed_dim,
        depths=tuple(_count(tensors, f"backbone.stages.{i}.blocks.{{}}.norm1.weight") for i in stages),
        num_heads=tuple(table[1] for table in tables),
        window_size=(round(tables[0][0] ** 0.5) + 1) // 2,
        mlp_ratio=tensors["backbone.stages.0.blocks.0.mlp.fc1.bias"].shape[0] / embed_dim,
    )


def _resnet(tensors: Mapping[str, Tensor], stride_in_1x1: bool) -> ResNetConfig:
    blocks = tuple(_count(tensors, f"backbone.body.layer{i}.{{}}.conv1.weight") for i in range(1, 5))
    if blocks not in RESNET_DEPTHS:
        raise ValueError(f"a ResNet of {blocks} blocks, neither 50 nor 101 layers")
    return ResNetConfig(depth=RESNET_DEPTHS[blocks], stride_in_1x1=stride_in_1x1)


def _infer(tensors: Mapping[str, Tensor], *, num_heads: int, num_points: int, stride_in_1x1: bool) -> Mask2FormerConfig:
    def size(key: str, axis: int = 0) -> int:
        return tensors[key].shape[axis]

    is_resnet = "backbone.body.conv1.weight" in tensors
    if stride_in_1x1 and not is_resnet:
        raise ConfigError("configuration.json: model.architecture: only a ResNet has stride_in_1x1; this is a Swin.")
    num_levels = size("pixel_decoder.level_embed")
    samples = size("pixel_decoder.layers.0.self_attn.attention_weights.bias")
    if num_heads * num_levels * num_points != samples:
        raise ConfigError(
            f"The checkpoint's deformable attention samples {samples} points over {num_levels} levels, which "
            f"{num_heads} heads of {num_points} points do not give. Set num_heads and num_points under "
            "model.architecture in configuration.json."
        )
    return Mask2FormerConfig(
        backbone=_resnet(tensors, stride_in_1x1) if is_resnet else _swin(tensors),
        hidden_dim=size("pixel_decoder.level_embed", 1),
        pixel_decoder=PixelDecoderConfig(
            num_layers=_count(tensors, "pixel_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("pixel_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_levels=num_levels,
            num_points=num_points,
        ),
        transformer_decoder=TransformerDecoderConfig(
            num_layers=_count(tensors, "transformer_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("transformer_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_queries=size("transformer_decoder.query_feat"),
        ),
    )
