"""Swin's weights as each checkpoint dialect names them."""

from torch import Tensor
from torch import device as Device

from ...keys import BackboneKeys, Layout, Rule
from .module import SwinConfig, relative_position_index

BLOCK = "backbone.stages.{i}.blocks.{j}."
DOWNSAMPLE = "backbone.stages.{i}.downsample."
BIAS_TABLE = BLOCK + "attn.relative_position_bias_table"


def _position_index(bias_table: Tensor) -> Tensor:
    return relative_position_index((round(len(bias_table) ** 0.5) + 1) // 2, Device("cpu"))


def _from_unfold(tensor: Tensor) -> Tensor:
    shape = (*tensor.shape[:-1], tensor.shape[-1] // 4, 2, 2)
    return tensor.reshape(shape).movedim((-1, -2), (-3, -2)).flatten(-3)


def _to_unfold(tensor: Tensor) -> Tensor:
    shape = (*tensor.shape[:-1], 2, 2, tensor.shape[-1] // 4)
    return tensor.reshape(shape).movedim((-3, -2), (-1, -2)).flatten(-3)


MERGING = Layout(_from_unfold, _to_unfold)
"""Last axis of patch merging: mmdetection unfolds it to (C, row, column), we concatenate (column, row, C)."""

MMDET = (
    Rule("backbone.patch_embed.projection.{p}", "backbone.patch_embed.projection.{p}"),
    Rule("backbone.patch_embed.norm.{p}", "backbone.patch_embed.norm.{p}"),
    Rule(BLOCK + "norm{k}.{p}", BLOCK + "norm{k}.{p}"),
    Rule(BLOCK + "attn.w_msa.{a}.{p}", BLOCK + "attn.{a}.{p}"),
    Rule(BLOCK + "attn.w_msa.relative_position_bias_table", BIAS_TABLE),
    Rule(BLOCK + "attn.w_msa.relative_position_index", BIAS_TABLE, constant=_position_index),
    Rule(BLOCK + "ffn.layers.0.0.{p}", BLOCK + "mlp.fc1.{p}"),
    Rule(BLOCK + "ffn.layers.1.{p}", BLOCK + "mlp.fc2.{p}"),
    Rule(DOWNSAMPLE + "norm.{p}", DOWNSAMPLE + "norm.{p}", MERGING),
    Rule(DOWNSAMPLE + "reduction.weight", DOWNSAMPLE + "reduction.weight", MERGING),
    Rule("backbone.norm{i}.{p}", "backbone.norms.{i}.{p}"),
)

D2_BLOCK = "backbone.layers.{i}.blocks.{j}."

DETECTRON2 = (
    Rule("backbone.patch_embed.proj.{p}", "backbone.patch_embed.projection.{p}"),
    Rule("backbone.patch_embed.norm.{p}", "backbone.patch_embed.norm.{p}"),
    Rule(D2_BLOCK + "norm{k}.{p}", BLOCK + "norm{k}.{p}"),
    Rule(D2_BLOCK + "attn.{a}.{p}", BLOCK + "attn.{a}.{p}"),
    Rule(D2_BLOCK + "attn.relative_position_bias_table", BIAS_TABLE),
    Rule(D2_BLOCK + "attn.relative_position_index", None),
    Rule(D2_BLOCK + "mlp.fc{k}.{p}", BLOCK + "mlp.fc{k}.{p}"),
    Rule("backbone.layers.{i}.downsample.norm.{p}", DOWNSAMPLE + "norm.{p}"),
    Rule("backbone.layers.{i}.downsample.reduction.weight", DOWNSAMPLE + "reduction.weight"),
    Rule("backbone.norm{i}.{p}", "backbone.norms.{i}.{p}"),
)

ENCODER = "model.pixel_level_module.encoder."
NESTED = ENCODER + "{e}."
"""In the memory of transformers 5 (swin), and in files of its first Mask2Formers (model)."""

ATTENTION = "encoder.layers.{i}.blocks.{j}.attention."
TABLE = "relative_position_bias_table"
PARTS: tuple[tuple[str, tuple[int, int] | None, str, str], ...] = (
    ("attn.qkv.{p}", (0, 3), "attention.self.query.{p}", "attention.q_proj.{p}"),
    ("attn.qkv.{p}", (1, 3), "attention.self.key.{p}", "attention.k_proj.{p}"),
    ("attn.qkv.{p}", (2, 3), "attention.self.value.{p}", "attention.v_proj.{p}"),
    ("attn.proj.{p}", None, "attention.output.dense.{p}", "attention.o_proj.{p}"),
    (f"attn.{TABLE}", None, f"attention.self.{TABLE}", f"attention.relative_position_bias.{TABLE}"),
    ("mlp.fc1.{p}", None, "intermediate.dense.{p}", "mlp.fc1.{p}"),
    ("mlp.fc2.{p}", None, "output.dense.{p}", "mlp.fc2.{p}"),
)
"""Parts of a block: our name, which third of it, and transformers' names in files and in the memory of version 5."""


def _renamed(prefix: str, naming: int) -> tuple[Rule, ...]:
    """The parts of blocks that were renamed, by their names in files (0) or in memory (1)."""
    block = prefix + "encoder.layers.{i}.blocks.{j}."
    return tuple(Rule(block + names[naming], BLOCK + ours, part=third) for ours, third, *names in PARTS)


def _unrenamed(prefix: str) -> tuple[Rule, ...]:
    """The parts that changed their prefix only."""
    layer = prefix + "encoder.layers.{i}."
    return (
        Rule(prefix + "embeddings.patch_embeddings.projection.{p}", "backbone.patch_embed.projection.{p}"),
        Rule(prefix + "embeddings.norm.{p}", "backbone.patch_embed.norm.{p}"),
        Rule(layer + "blocks.{j}.layernorm_before.{p}", BLOCK + "norm1.{p}"),
        Rule(layer + "blocks.{j}.layernorm_after.{p}", BLOCK + "norm2.{p}"),
        Rule(layer + "downsample.reduction.weight", DOWNSAMPLE + "reduction.weight"),
        Rule(layer + "downsample.norm.{p}", DOWNSAMPLE + "norm.{p}"),
    )


TRANSFORMERS = (
    *_renamed(ENCODER, 0),
    *_unrenamed(ENCODER),
    *(Rule(f"{ENCODER}hidden_states_norms.stage{i + 1}.{{p}}", f"backbone.norms.{i}.{{p}}") for i in range(4)),
    # A norm of the classifier, which a backbone does not use.
    Rule(ENCODER + "swin.layernorm.weight", "backbone.norms.3.weight", constant=lambda norm: norm.new_ones(norm.shape)),
    Rule(ENCODER + "swin.layernorm.bias", "backbone.norms.3.bias", constant=lambda norm: norm.new_zeros(norm.shape)),
)

TRANSFORMERS_ALIASES = (
    *_renamed(ENCODER, 1),
    *_renamed(NESTED, 0),
    *_renamed(NESTED, 1),
    *_unrenamed(NESTED),
    *(Rule(prefix + ATTENTION + "{f}.{p}", BLOCK + "attn.qkv.{p}") for prefix in (ENCODER, NESTED)),
    *(Rule(prefix + ATTENTION + "self.relative_position_index", None) for prefix in (ENCODER, NESTED)),
    *(Rule(prefix + "layernorm.{p}", None) for prefix in (ENCODER, ENCODER + "model.")),
    Rule(ENCODER + "hidden_states_norms.{i}.{p}", "backbone.norms.{i}.{p}"),
)

TRANSFORMERS_FIXED = {"hidden_act": "gelu", "layer_norm_eps": 1e-5, "patch_size": 4}


def _transformers_entries(config: SwinConfig) -> dict[str, object]:
    return {
        "model_type": "swin",
        "image_size": 32 * config.window_size,
        "embed_dim": config.embed_dim,
        "depths": list(config.depths),
        "num_heads": list(config.num_heads),
        "window_size": config.window_size,
        "mlp_ratio": config.mlp_ratio,
        "drop_path_rate": 0.3,
        "out_features": [f"stage{stage + 1}" for stage in range(len(config.depths))],
        **TRANSFORMERS_FIXED,
    }


KEYS = {
    "mmdet": BackboneKeys(rules=MMDET),
    "mmdet3": BackboneKeys(rules=MMDET),
    "detectron2": BackboneKeys(rules=DETECTRON2),
    "transformers": BackboneKeys(
        rules=TRANSFORMERS, aliases=TRANSFORMERS_ALIASES, entries=_transformers_entries, fixed=TRANSFORMERS_FIXED
    ),
}
"""By the dialect's name."""
