"""The architecture of a model, read off the shapes of its weights."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..config import Mask2FormerConfig, PixelDecoderConfig, TransformerDecoderConfig, check_names
from ..errors import CheckpointError, ConfigError
from ..models.backbones import BACKBONES, Backbone
from ..models.backbones.registry import count_layers

DECODERS: Mapping[str, bool | int] = {"num_heads": 8, "num_points": 4}
"""What no shape tells of the decoders, with the values of every published model."""

SECTION = "configuration.json: model.architecture"


def infer_config(tensors: Mapping[str, Tensor], overrides: Mapping[str, Any], where: str) -> Mask2FormerConfig:
    """The config of the model with the weights ``tensors``, under our keys. Its classes are left at their default.

    ``overrides`` may give what no shape tells: ``num_heads`` (of both decoders), ``num_points``, and the backbone's
    ``options``. ``where`` names the file in messages.

    Raises:
        CheckpointError: the weights are not those of a Mask2Former.
        ConfigError: an unknown override, one that belongs to another backbone, or one that contradicts the shapes.
    """
    backbone = find_backbone(tensors, where)
    known = dict(DECODERS)
    for other in BACKBONES.values():
        known.update(other.options)
    check_names(overrides, known, SECTION)
    for name, value in overrides.items():
        if type(value) is not type(known[name]) or (value is not False and value < 1):
            expected = "true or false" if isinstance(known[name], bool) else "a positive int"
            raise ConfigError(f"{SECTION}: {name} must be {expected}; got {value!r}.")
        if value != known[name] and name not in (*DECODERS, *backbone.options):
            owner = next(other.title for other in BACKBONES.values() if name in other.options)
            raise ConfigError(f"{SECTION}: only a {owner} has {name}; this is a {backbone.title}.")
    try:
        return _infer(tensors, backbone, {**known, **overrides})
    except ConfigError:
        raise
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise _unreadable(where, f"{type(error).__name__}: {error}") from None


def find_backbone(tensors: Mapping[str, Tensor], where: str) -> Backbone:
    """The backbone with the weights ``tensors``, under our keys; a CheckpointError if no registered one has them."""
    for backbone in BACKBONES.values():
        if backbone.marker in tensors:
            return backbone
    raise _unreadable(where, f"none of the backbones {', '.join(backbone.title for backbone in BACKBONES.values())}")


def num_classes(tensors: Mapping[str, Tensor], where: str) -> int:
    """K of the class head, without the no-object class; a CheckpointError if there is no class head."""
    try:
        return tensors["transformer_decoder.class_head.bias"].shape[0] - 1
    except (KeyError, IndexError) as error:
        raise _unreadable(where, f"{type(error).__name__}: {error}") from None


def _unreadable(where: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{where} does not hold the weights of a Mask2Former: its architecture cannot be read off ({reason})."
    )


def _infer(tensors: Mapping[str, Tensor], backbone: Backbone, options: Mapping[str, Any]) -> Mask2FormerConfig:
    def size(key: str, axis: int = 0) -> int:
        return tensors[key].shape[axis]

    num_heads, num_points = options["num_heads"], options["num_points"]
    num_levels = size("pixel_decoder.level_embed")
    samples = size("pixel_decoder.layers.0.self_attn.attention_weights.bias")
    if num_heads * num_levels * num_points != samples:
        raise ConfigError(
            f"The checkpoint's deformable attention samples {samples} points over {num_levels} levels; {num_heads} "
            f"heads of {num_points} points make {num_heads * num_levels * num_points}. Put the file into a directory "
            "with a configuration.json that has the true num_heads and num_points under model.architecture, and "
            "load the directory."
        )
    return Mask2FormerConfig(
        backbone=backbone.from_weights(tensors, {name: options[name] for name in backbone.options}),
        hidden_dim=size("pixel_decoder.level_embed", 1),
        pixel_decoder=PixelDecoderConfig(
            num_layers=count_layers(tensors, "pixel_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("pixel_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_levels=num_levels,
            num_points=num_points,
        ),
        transformer_decoder=TransformerDecoderConfig(
            num_layers=count_layers(tensors, "transformer_decoder.layers.{}.norm1.weight"),
            ffn_dim=size("transformer_decoder.layers.0.fc1.bias"),
            num_heads=num_heads,
            num_queries=size("transformer_decoder.query_feat"),
        ),
    )
