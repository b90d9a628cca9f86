"""The architecture of a model, read off the shapes of its weights."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..config import (
    Mask2FormerConfig,
    PixelDecoderConfig,
    SwinConfig,
    TransformerDecoderConfig,
    check_names,
)
from ..errors import CheckpointError, ConfigError

UNSEEN = {"num_heads": 8, "num_points": 4}
"""What no shape tells, with the values that every published model has; ``configuration.json`` may say otherwise."""


def infer_config(tensors: Mapping[str, Tensor], overrides: Mapping[str, Any], where: str) -> Mask2FormerConfig:
    """Config of the model whose weights, under our keys, are ``tensors``; classes are left at their default.

    ``overrides`` may give ``num_heads`` (of the pixel decoder and of the transformer decoder) and ``num_points``.

    Raises:
        CheckpointError: the weights are not those of a Swin + Mask2Former. ``where`` names the file.
        ConfigError: an unknown override, or one that does not divide the sizes found.

    """
    check_names(overrides, UNSEEN, "configuration.json: model.architecture")
    unseen = {**UNSEEN, **overrides}
    for name, value in unseen.items():
        if type(value) is not int or value < 1:
            raise ConfigError(f"configuration.json: model.architecture: {name} must be a positive int; got {value!r}.")
    try:
        return _infer(tensors, unseen["num_heads"], unseen["num_points"])
    except ConfigError:
        raise
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{where} does not hold the weights of a Swin + Mask2Former: its architecture cannot be read off "
            f"({type(error).__name__}: {error})."
        ) from None


def num_classes(tensors: Mapping[str, Tensor]) -> int:
    """K of the class head, without the no-object class."""
    return tensors["transformer_decoder.class_head.bias"].shape[0] - 1


def _infer(tensors: Mapping[str, Tensor], num_heads: int, num_points: int) -> Mask2FormerConfig:
    def size(key: str, axis: int = 0) -> int:
        return tensors[key].shape[axis]

    def count(template: str) -> int:
        number = 0
        while template.format(number) in tensors:
            number += 1
        return number

    stages = count("backbone.norms.{}.weight")
    depths = tuple(count(f"backbone.stages.{i}.blocks.{{}}.norm1.weight") for i in range(stages))
    tables = [f"backbone.stages.{i}.blocks.0.attn.relative_position_bias_table" for i in range(stages)]
    embed_dim = size("backbone.patch_embed.norm.weight")
    backbone = SwinConfig(
        embed_dim=embed_dim,
        depths=depths,
        num_heads=tuple(size(table, 1) for table in tables),
        window_size=(round(size(tables[0]) ** 0.5) + 1) // 2,
        mlp_ratio=size("backbone.stages.0.blocks.0.mlp.fc1.bias") / embed_dim,
    )
    num_levels = size("pixel_decoder.level_embed")
    samples = size("pixel_decoder.layers.0.self_attn.attention_weights.bias")
    if num_heads * num_levels * num_points != samples:
        raise ConfigError(
            f"The checkpoint's deformable attention samples {samples} points over {num_levels} levels, which "
            f"{num_heads} heads of {num_points} points do not give. Set num_heads and num_points under "
            "model.architecture in configuration.json."
        )
    return Mask2FormerConfig(
        backbone=backbone,
        hidden_dim=size("pixel_decoder.level_embed", 1),
        pixel_decoder=PixelDecoderConfig(
            num_layers=count("pixel_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("pixel_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_levels=num_levels,
            num_points=num_points,
        ),
        transformer_decoder=TransformerDecoderConfig(
            num_layers=count("transformer_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("transformer_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_queries=size("transformer_decoder.query_feat"),
        ),
    )
