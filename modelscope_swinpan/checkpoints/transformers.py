"""Checkpoints of the transformers package (``Mask2FormerForUniversalSegmentation``), keys as of its version 5."""

from .keymap import KeyMap, Rule

PATCH = "model.pixel_level_module.encoder.swin.embeddings."
LAYER = "model.pixel_level_module.encoder.swin.encoder.layers.{i}."
BLOCK = LAYER + "blocks.{j}."
OURS = "backbone.stages.{i}.blocks.{j}."

SWIN = (
    Rule(PATCH + "patch_embeddings.projection.{p}", "backbone.patch_embed.projection.{p}"),
    Rule(PATCH + "norm.{p}", "backbone.patch_embed.norm.{p}"),
    Rule(BLOCK + "layernorm_before.{p}", OURS + "norm1.{p}"),
    Rule(BLOCK + "attention.q_proj.{p}", OURS + "attn.qkv.{p}", part=(0, 3)),
    Rule(BLOCK + "attention.k_proj.{p}", OURS + "attn.qkv.{p}", part=(1, 3)),
    Rule(BLOCK + "attention.v_proj.{p}", OURS + "attn.qkv.{p}", part=(2, 3)),
    Rule(BLOCK + "attention.o_proj.{p}", OURS + "attn.proj.{p}"),
    Rule(
        BLOCK + "attention.relative_position_bias.relative_position_bias_table",
        OURS + "attn.relative_position_bias_table",
    ),
    Rule(BLOCK + "layernorm_after.{p}", OURS + "norm2.{p}"),
    Rule(BLOCK + "mlp.fc{k}.{p}", OURS + "mlp.fc{k}.{p}"),
    Rule(LAYER + "downsample.reduction.weight", "backbone.stages.{i}.downsample.reduction.weight"),
    Rule(LAYER + "downsample.norm.{p}", "backbone.stages.{i}.downsample.norm.{p}"),
    # A norm of the classifier, which the backbone does not use: the stages' own norms are below.
    Rule("model.pixel_level_module.encoder.swin.layernorm.{p}", None),
    *(
        Rule(
            f"model.pixel_level_module.encoder.hidden_states_norms.stage{stage + 1}.{{p}}",
            f"backbone.norms.{stage}.{{p}}",
        )
        for stage in range(4)
    ),
)

PIXEL_DECODER = "model.pixel_level_module.decoder."
ENCODER_LAYER = PIXEL_DECODER + "encoder.layers.{i}."
DECODER = "model.transformer_module."
DECODER_LAYER = DECODER + "decoder.layers.{i}."
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
    Rule(DECODER_LAYER + "cross_attn.in_proj_{p}", "transformer_decoder.layers.{i}.cross_attn.in_proj_{p}"),
    Rule(DECODER_LAYER + "cross_attn.out_proj.{p}", "transformer_decoder.layers.{i}.cross_attn.out_proj.{p}"),
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

TRANSFORMERS = KeyMap((*SWIN, *HEAD))
