"""Checkpoints of the transformers package (``Mask2FormerForUniversalSegmentation``), with the JSON files beside them.

The tables hold the keys in files, which versions 4 and 5 both write and read. The aliases add those of version 5 in
memory.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Mask2FormerConfig
from ...errors import CheckpointError, ConfigError
from ...models.keys import Rule
from ..classes import Classes
from ..files import safetensors
from .registry import Dialect, Notes, Writer
from .transformers_preprocessor import PREPROCESSOR, preprocessor_entries, read_preprocessor

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.backbones import Backbone

NAME = "transformers"
CONFIG = "config.json"
MODEL_TYPE = "mask2former"

FIXED: Mapping[str, Any] = {
    "pre_norm": False,
    "activation_function": "relu",
    "common_stride": 4,
    "feature_strides": [4, 8, 16, 32],
}
"""Options that change the mathematics but show in no weight, with the values that we compute with."""

NUM_LEVELS = 3
NUM_POINTS = 4
NO_OBJECT_WEIGHT = 0.1


def _class_weights(bias: "Tensor") -> "Tensor":
    """The loss's weight of each class, the no-object class last, from the bias of the class head."""
    weights = bias.new_ones(bias.shape)
    weights[-1] = NO_OBJECT_WEIGHT
    return weights


PIXEL_DECODER = "model.pixel_level_module.decoder."
ENCODER_LAYER = PIXEL_DECODER + "encoder.layers.{i}."
DECODER = "model.transformer_module."
DECODER_LAYER = DECODER + "decoder.layers.{i}."
CROSS_ATTENTION = "transformer_decoder.layers.{i}.cross_attn."
SELF_ATTENTION = "transformer_decoder.layers.{i}.self_attn."

HEAD = (
    Rule(PIXEL_DECODER + "level_embed", "pixel_decoder.level_embed"),
    Rule(PIXEL_DECODER + "input_projections.{i}.0.{p}", "pixel_decoder.input_convs.{i}.conv.{p}"),
    Rule(PIXEL_DECODER + "input_projections.{i}.1.{p}", "pixel_decoder.input_convs.{i}.norm.{p}"),
    Rule(ENCODER_LAYER + "self_attn.{m}.{p}", "pixel_decoder.layers.{i}.self_attn.{m}.{p}"),
    Rule(ENCODER_LAYER + "self_attn_layer_norm.{p}", "pixel_decoder.layers.{i}.norm1.{p}"),
    Rule(ENCODER_LAYER + "fc{k}.{p}", "pixel_decoder.layers.{i}.fc{k}.{p}"),
    Rule(ENCODER_LAYER + "final_layer_norm.{p}", "pixel_decoder.layers.{i}.norm2.{p}"),
    Rule(PIXEL_DECODER + "mask_projection.{p}", "pixel_decoder.mask_projection.{p}"),
    Rule(PIXEL_DECODER + "adapter_1.0.weight", "pixel_decoder.lateral_conv.conv.weight"),
    Rule(PIXEL_DECODER + "adapter_1.1.{p}", "pixel_decoder.lateral_conv.norm.{p}"),
    Rule(PIXEL_DECODER + "layer_1.0.weight", "pixel_decoder.output_conv.conv.weight"),
    Rule(PIXEL_DECODER + "layer_1.1.{p}", "pixel_decoder.output_conv.norm.{p}"),
    Rule(DECODER + "queries_embedder.weight", "transformer_decoder.query_pos"),
    Rule(DECODER + "queries_features.weight", "transformer_decoder.query_feat"),
    Rule(DECODER + "level_embed.weight", "transformer_decoder.level_embed"),
    Rule(DECODER_LAYER + "self_attn.q_proj.{p}", SELF_ATTENTION + "in_proj_{p}", part=(0, 3)),
    Rule(DECODER_LAYER + "self_attn.k_proj.{p}", SELF_ATTENTION + "in_proj_{p}", part=(1, 3)),
    Rule(DECODER_LAYER + "self_attn.v_proj.{p}", SELF_ATTENTION + "in_proj_{p}", part=(2, 3)),
    Rule(DECODER_LAYER + "self_attn.out_proj.{p}", SELF_ATTENTION + "out_proj.{p}"),
    Rule(DECODER_LAYER + "cross_attn.in_proj_{p}", CROSS_ATTENTION + "in_proj_{p}"),
    Rule(DECODER_LAYER + "cross_attn.out_proj.{p}", CROSS_ATTENTION + "out_proj.{p}"),
    Rule(DECODER_LAYER + "cross_attn_layer_norm.{p}", "transformer_decoder.layers.{i}.norm1.{p}"),
    Rule(DECODER_LAYER + "self_attn_layer_norm.{p}", "transformer_decoder.layers.{i}.norm2.{p}"),
    Rule(DECODER_LAYER + "fc{k}.{p}", "transformer_decoder.layers.{i}.fc{k}.{p}"),
    Rule(DECODER_LAYER + "final_layer_norm.{p}", "transformer_decoder.layers.{i}.norm3.{p}"),
    Rule(DECODER + "decoder.layernorm.{p}", "transformer_decoder.norm.{p}"),
    *(
        Rule(
            f"{DECODER}decoder.mask_predictor.mask_embedder.{layer}.0.{{p}}",
            f"transformer_decoder.mask_head.{2 * layer}.{{p}}",
        )
        for layer in range(3)
    ),
    Rule("class_predictor.{p}", "transformer_decoder.class_head.{p}"),
    Rule("criterion.empty_weight", "transformer_decoder.class_head.bias", constant=_class_weights),
)

# Attention whose three projections are fused here and split in files, and the other way round.
HEAD_ALIASES = (
    Rule(DECODER_LAYER + "self_attn.in_proj_{p}", SELF_ATTENTION + "in_proj_{p}"),
    Rule(DECODER_LAYER + "cross_attn.q_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(0, 3)),
    Rule(DECODER_LAYER + "cross_attn.k_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(1, 3)),
    Rule(DECODER_LAYER + "cross_attn.v_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(2, 3)),
)


def read_config(directory: Path, fixed: Mapping[str, Any]) -> tuple[Classes, dict[str, Any]]:
    """Classes and our entries of ``configuration.json``, from ``config.json``; both empty if there is no such file.

    ``fixed`` are the values that its ``backbone_config`` must have, if it has the options.
    """
    from ..files.source import read_json  # imports PyTorch

    path = directory / CONFIG
    if not path.is_file():
        return Classes(), {}
    content = read_json(path)
    if content.get("model_type") != MODEL_TYPE:
        raise CheckpointError(f"{path}: expected model_type {MODEL_TYPE!r}; found {content.get('model_type')!r}.")
    backbone = content.get("backbone_config") or {}
    if not isinstance(backbone, dict):
        raise ConfigError(f"{path}: backbone_config must be an object; found {type(backbone).__name__}.")
    for found, expected in ((content, FIXED), (backbone, fixed)):
        for name, value in expected.items():
            if found.get(name, value) != value:
                raise CheckpointError(f"{path}: {name} {found[name]!r} is not supported; only {value!r} is.")
    heads = content.get("num_attention_heads", 8)
    if type(heads) is not int or heads < 1:
        raise ConfigError(f"{path}: num_attention_heads must be a positive int; got {heads!r}.")
    return Classes(_names(content.get("id2label"), path)), {"architecture": {"num_heads": heads}}


def _notes(path: Path, meta: Mapping[str, Any], backbone: "Backbone") -> Notes:
    keys = backbone.keys.get(NAME)
    classes, model = read_config(path.parent, keys.fixed if keys else {})
    preprocess = read_preprocessor(path.parent)
    return Notes(classes, {"model": model, "preprocessor": asdict(preprocess)})


def _names(labels: Any, path: Path) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if not isinstance(labels, dict) or not all(isinstance(name, str) for name in labels.values()):
        raise ConfigError(f"{path}: id2label must be an object of names.")
    if set(labels) != {str(label) for label in range(len(labels))}:
        raise ConfigError(f"{path}: id2label must name the labels 0 … {len(labels) - 1}, each once.")
    names = tuple(labels[str(label)].strip() for label in range(len(labels)))
    placeholders = tuple(f"LABEL_{label}" for label in range(len(names)))
    return None if names == placeholders else names


def _model_config(config: Mask2FormerConfig) -> dict[str, Any]:
    from ...models.backbones import BACKBONES, backbone_of  # imports PyTorch

    backbone, pixel_decoder, decoder = config.backbone, config.pixel_decoder, config.transformer_decoder
    keys = backbone_of(backbone).keys.get(NAME)
    sizes = (pixel_decoder.num_levels, pixel_decoder.num_points, pixel_decoder.num_heads)
    if keys is None or keys.entries is None or sizes != (NUM_LEVELS, NUM_POINTS, decoder.num_heads):
        known = " or ".join(entry.title for entry in BACKBONES.values() if NAME in entry.keys)
        raise CheckpointError(
            f"transformers' Mask2Former has a {known} backbone, {NUM_LEVELS} levels of {NUM_POINTS} points and one "
            "number of heads; this model has not. Save it in another form."
        )
    return {
        "architectures": ["Mask2FormerForUniversalSegmentation"],
        "model_type": MODEL_TYPE,
        "backbone_config": dict(keys.entries(backbone)),
        "hidden_dim": config.hidden_dim,
        "feature_size": config.hidden_dim,
        "mask_feature_size": config.hidden_dim,
        "encoder_layers": pixel_decoder.num_layers,
        "encoder_feedforward_dim": pixel_decoder.ffn_dim,
        "decoder_layers": decoder.num_layers + 1,  # with the prediction before the first layer
        "dim_feedforward": decoder.ffn_dim,
        "num_attention_heads": decoder.num_heads,
        "num_queries": decoder.num_queries,
        "no_object_weight": NO_OBJECT_WEIGHT,
        "id2label": {str(label): category.name for label, category in enumerate(config.categories)},
        "label2id": {category.name: label for label, category in enumerate(config.categories)},
        **FIXED,
    }


TRANSFORMERS = Dialect(
    name=NAME,
    title="transformers",
    rules=HEAD,
    aliases=HEAD_ALIASES,
    notes=_notes,
    writer=Writer(
        purpose="for Mask2FormerForUniversalSegmentation.from_pretrained",
        weights="model.safetensors",
        write=lambda path, tensors, config: safetensors.write_safetensors(path, tensors, {"format": "pt"}),
        files=lambda config: {CONFIG: _model_config(config), PREPROCESSOR: preprocessor_entries(config)},
    ),
)
