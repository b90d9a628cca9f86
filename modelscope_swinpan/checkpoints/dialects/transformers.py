"""Checkpoints of the transformers package (``Mask2FormerForUniversalSegmentation``).

The tables hold the keys of version 5; the aliases those that version 4 wrote, that version 5 writes to files to this
day, and that the hub's models have.
"""

from .keymap import KeyMap, Rule

ENCODER = "model.pixel_level_module.encoder."
OURS = "backbone.stages.{i}.blocks.{j}."

# Every name that a part of a block has had, the present one first.
QKV = (
    ("attention.q_proj.{p}", "attention.k_proj.{p}", "attention.v_proj.{p}"),
    ("attention.self.query.{p}", "attention.self.key.{p}", "attention.self.value.{p}"),
)
RELATIVE_POSITION_BIAS = (
    "attention.relative_position_bias.relative_position_bias_table",
    "attention.self.relative_position_bias_table",
)
PROJECTION = ("attention.o_proj.{p}", "attention.output.dense.{p}")
FC1 = ("mlp.fc1.{p}", "intermediate.dense.{p}")
FC2 = ("mlp.fc2.{p}", "output.dense.{p}")


def _swin(prefix: str, naming: int) -> tuple[Rule, ...]:
    """Backbone whose keys begin with ``prefix``, its parts named in the present way (0) or the older one (1)."""
    layer = prefix + "encoder.layers.{i}."
    block = layer + "blocks.{j}."
    query, key, value = QKV[naming]
    return (
        Rule(block + query, OURS + "attn.qkv.{p}", part=(0, 3)),
        Rule(block + key, OURS + "attn.qkv.{p}", part=(1, 3)),
        Rule(block + value, OURS + "attn.qkv.{p}", part=(2, 3)),
        Rule(block + PROJECTION[naming], OURS + "attn.proj.{p}"),
        Rule(block + RELATIVE_POSITION_BIAS[naming], OURS + "attn.relative_position_bias_table"),
        Rule(block + FC1[naming], OURS + "mlp.fc1.{p}"),
        Rule(block + FC2[naming], OURS + "mlp.fc2.{p}"),
    )


def _unrenamed(prefix: str) -> tuple[Rule, ...]:
    """The parts of the backbone that only ever changed their prefix."""
    layer = prefix + "encoder.layers.{i}."
    return (
        Rule(prefix + "embeddings.patch_embeddings.projection.{p}", "backbone.patch_embed.projection.{p}"),
        Rule(prefix + "embeddings.norm.{p}", "backbone.patch_embed.norm.{p}"),
        Rule(layer + "blocks.{j}.layernorm_before.{p}", OURS + "norm1.{p}"),
        Rule(layer + "blocks.{j}.layernorm_after.{p}", OURS + "norm2.{p}"),
        Rule(layer + "downsample.reduction.weight", "backbone.stages.{i}.downsample.reduction.weight"),
        Rule(layer + "downsample.norm.{p}", "backbone.stages.{i}.downsample.norm.{p}"),
        # A norm of the classifier, which the backbone does not use: the stages' own norms are below.
        Rule(prefix + "layernorm.{p}", None),
    )


PREFIXES = (ENCODER + "swin.", ENCODER, ENCODER + "model.")  # the present one first

SWIN_NORMS = tuple(
    Rule(f"{ENCODER}hidden_states_norms.stage{i + 1}.{{p}}", f"backbone.norms.{i}.{{p}}") for i in range(4)
)

SWIN = (
    *_swin(PREFIXES[0], 0),
    *_unrenamed(PREFIXES[0]),
    *SWIN_NORMS,
)

SWIN_ALIASES = (
    *(rule for prefix in PREFIXES for rule in _swin(prefix, 1)),
    *(rule for prefix in PREFIXES[1:] for rule in (*_swin(prefix, 0), *_unrenamed(prefix))),
    *(Rule(prefix + "encoder.layers.{i}.blocks.{j}.attention.{f}.{p}", OURS + "attn.qkv.{p}") for prefix in PREFIXES),
    *(
        Rule(prefix + "encoder.layers.{i}.blocks.{j}.attention.self.relative_position_index", None)
        for prefix in PREFIXES
    ),
    Rule(ENCODER + "hidden_states_norms.{i}.{p}", "backbone.norms.{i}.{p}"),
)

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
    Rule("criterion.empty_weight", None),  # class weights of the loss, a constant
)

# Attention with its three projections fused where the package splits them, and the other way round.
HEAD_ALIASES = (
    Rule(DECODER_LAYER + "self_attn.in_proj_{p}", SELF_ATTENTION + "in_proj_{p}"),
    Rule(DECODER_LAYER + "cross_attn.q_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(0, 3)),
    Rule(DECODER_LAYER + "cross_attn.k_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(1, 3)),
    Rule(DECODER_LAYER + "cross_attn.v_proj.{p}", CROSS_ATTENTION + "in_proj_{p}", part=(2, 3)),
)

TRANSFORMERS = KeyMap((*SWIN, *HEAD), aliases=(*SWIN_ALIASES, *HEAD_ALIASES))

# What both versions read, and write themselves.
WRITTEN = KeyMap((*_swin(ENCODER, 1), *_unrenamed(ENCODER), *SWIN_NORMS, *HEAD))
