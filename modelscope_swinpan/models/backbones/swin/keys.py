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
    Rule(BLOCK + "attn.w_msa.qkv.{p}", BLOCK + "attn.qkv.{p}"),
    Rule(BLOCK + "attn.w_msa.proj.{p}", BLOCK + "attn.proj.{p}"),
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
    Rule(D2_BLOCK + "attn.qkv.{p}", BLOCK + "attn.qkv.{p}"),
    Rule(D2_BLOCK + "attn.proj.{p}", BLOCK + "attn.proj.{p}"),
    Rule(D2_BLOCK + "attn.relative_position_bias_table", BIAS_TABLE),
    Rule(D2_BLOCK + "attn.relative_position_index", None),
    Rule(D2_BLOCK + "mlp.fc{k}.{p}", BLOCK + "mlp.fc{k}.{p}"),
    Rule("backbone.layers.{i}.downsample.norm.{p}", DOWNSAMPLE + "norm.{p}"),
    Rule("backbone.layers.{i}.downsample.reduction.weight", DOWNSAMPLE + "reduction.weight"),
    Rule("backbone.norm{i}.{p}", "backbone.norms.{i}.{p}"),
)

ENCODER = "model.pixel_level_module.encoder."
PREFIXES = (ENCODER, ENCODER + "swin.", ENCODER + "model.")
"""In files, in the memory of transformers 5, and in files of its first Mask2Formers."""

NAMES: tuple[dict[str, str], ...] = (
    {
        "q": "attention.self.query.{p}",
        "k": "attention.self.key.{p}",
        "v": "attention.self.value.{p}",
        "table": "attention.self.relative_position_bias_table",
        "proj": "attention.output.dense.{p}",
        "fc1": "intermediate.dense.{p}",
        "fc2": "output.dense.{p}",
    },
    {
        "q": "attention.q_proj.{p}",
        "k": "attention.k_proj.{p}",
        "v": "attention.v_proj.{p}",
        "table": "attention.relative_position_bias.relative_position_bias_table",
        "proj": "attention.o_proj.{p}",
        "fc1": "mlp.fc1.{p}",
        "fc2": "mlp.fc2.{p}",
    },
)
"""The parts of a block: in files, which transformers 4 and 5 both write and read; and in the memory of version 5."""


def _renamed(prefix: str, names: dict[str, str]) -> tuple[Rule, ...]:
    block = prefix + "encoder.layers.{i}.blocks.{j}."
    return (
        *(Rule(block + names[part], BLOCK + "attn.qkv.{p}", part=(at, 3)) for at, part in enumerate("qkv")),
        Rule(block + names["proj"], BLOCK + "attn.proj.{p}"),
        Rule(block + names["table"], BIAS_TABLE),
        Rule(block + names["fc1"], BLOCK + "mlp.fc1.{p}"),
        Rule(block + names["fc2"], BLOCK + "mlp.fc2.{p}"),
    )


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
    *_renamed(PREFIXES[0], NAMES[0]),
    *_unrenamed(PREFIXES[0]),
    *(Rule(f"{ENCODER}hidden_states_norms.stage{i + 1}.{{p}}", f"backbone.norms.{i}.{{p}}") for i in range(4)),
    # A norm of the classifier, which a backbone does not use.
    Rule(ENCODER + "swin.layernorm.weight", "backbone.norms.3.weight", constant=lambda norm: norm.new_ones(norm.shape)),
    Rule(ENCODER + "swin.layernorm.bias", "backbone.norms.3.bias", constant=lambda norm: norm.new_zeros(norm.shape)),
)

TRANSFORMERS_ALIASES = (
    *_renamed(PREFIXES[0], NAMES[1]),
    *(rule for prefix in PREFIXES[1:] for names in NAMES for rule in _renamed(prefix, names)),
    *(rule for prefix in PREFIXES[1:] for rule in _unrenamed(prefix)),
    *(Rule(prefix + "encoder.layers.{i}.blocks.{j}.attention.{f}.{p}", BLOCK + "attn.qkv.{p}") for prefix in PREFIXES),
    *(
        Rule(prefix + "encoder.layers.{i}.blocks.{j}.attention.self.relative_position_index", None)
        for prefix in PREFIXES
    ),
    *(Rule(prefix + "layernorm.{p}", None) for prefix in (PREFIXES[0], PREFIXES[2])),
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
        rules=TRANSFORMERS,
        aliases=TRANSFORMERS_ALIASES,
        entries=_transformers_entries,
        fixed=TRANSFORMERS_FIXED,
    ),
}
"""By the dialect's name."""
