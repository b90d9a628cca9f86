"""mmdetection 2.x checkpoints, the form of the hub model."""

from torch import Tensor

from .keymap import KeyMap, Layout, Rule


def _from_unfold(tensor: Tensor) -> Tensor:
    shape = (*tensor.shape[:-1], tensor.shape[-1] // 4, 2, 2)
    return tensor.reshape(shape).movedim((-1, -2), (-3, -2)).flatten(-3)


def _to_unfold(tensor: Tensor) -> Tensor:
    shape = (*tensor.shape[:-1], 2, 2, tensor.shape[-1] // 4)
    return tensor.reshape(shape).movedim((-3, -2), (-1, -2)).flatten(-3)


MERGING = Layout(_from_unfold, _to_unfold)
"""Patch merging, last axis: mmdetection unfolds (C, row, column), we concatenate (column, row, C)."""

SWIN = (
    Rule("backbone.patch_embed.projection.{p}", "backbone.patch_embed.projection.{p}"),
    Rule("backbone.patch_embed.norm.{p}", "backbone.patch_embed.norm.{p}"),
    Rule("backbone.stages.{i}.blocks.{j}.norm1.{p}", "backbone.stages.{i}.blocks.{j}.norm1.{p}"),
    Rule("backbone.stages.{i}.blocks.{j}.attn.w_msa.qkv.{p}", "backbone.stages.{i}.blocks.{j}.attn.qkv.{p}"),
    Rule("backbone.stages.{i}.blocks.{j}.attn.w_msa.proj.{p}", "backbone.stages.{i}.blocks.{j}.attn.proj.{p}"),
    Rule(
        "backbone.stages.{i}.blocks.{j}.attn.w_msa.relative_position_bias_table",
        "backbone.stages.{i}.blocks.{j}.attn.relative_position_bias_table",
    ),
    Rule("backbone.stages.{i}.blocks.{j}.attn.w_msa.relative_position_index", None),
    Rule("backbone.stages.{i}.blocks.{j}.norm2.{p}", "backbone.stages.{i}.blocks.{j}.norm2.{p}"),
    Rule("backbone.stages.{i}.blocks.{j}.ffn.layers.0.0.{p}", "backbone.stages.{i}.blocks.{j}.mlp.fc1.{p}"),
    Rule("backbone.stages.{i}.blocks.{j}.ffn.layers.1.{p}", "backbone.stages.{i}.blocks.{j}.mlp.fc2.{p}"),
    Rule("backbone.stages.{i}.downsample.norm.{p}", "backbone.stages.{i}.downsample.norm.{p}", MERGING),
    Rule(
        "backbone.stages.{i}.downsample.reduction.weight",
        "backbone.stages.{i}.downsample.reduction.weight",
        MERGING,
    ),
    Rule("backbone.norm{i}.{p}", "backbone.norms.{i}.{p}"),
)

PIXEL_DECODER = "panoptic_head.pixel_decoder."
DECODER = "panoptic_head.transformer_decoder."

HEAD = (
    Rule(PIXEL_DECODER + "input_convs.{i}.conv.{p}", "pixel_decoder.input_convs.{i}.conv.{p}"),
    Rule(PIXEL_DECODER + "input_convs.{i}.gn.{p}", "pixel_decoder.input_convs.{i}.norm.{p}"),
    Rule(PIXEL_DECODER + "encoder.layers.{i}.attentions.0.{m}.{p}", "pixel_decoder.layers.{i}.self_attn.{m}.{p}"),
    Rule(PIXEL_DECODER + "encoder.layers.{i}.ffns.0.layers.0.0.{p}", "pixel_decoder.layers.{i}.fc1.{p}"),
    Rule(PIXEL_DECODER + "encoder.layers.{i}.ffns.0.layers.1.{p}", "pixel_decoder.layers.{i}.fc2.{p}"),
    Rule(PIXEL_DECODER + "encoder.layers.{i}.norms.0.{p}", "pixel_decoder.layers.{i}.norm1.{p}"),
    Rule(PIXEL_DECODER + "encoder.layers.{i}.norms.1.{p}", "pixel_decoder.layers.{i}.norm2.{p}"),
    Rule(PIXEL_DECODER + "level_encoding.weight", "pixel_decoder.level_embed"),
    Rule(PIXEL_DECODER + "lateral_convs.0.conv.weight", "pixel_decoder.lateral_conv.conv.weight"),
    Rule(PIXEL_DECODER + "lateral_convs.0.gn.{p}", "pixel_decoder.lateral_conv.norm.{p}"),
    Rule(PIXEL_DECODER + "output_convs.0.conv.weight", "pixel_decoder.output_conv.conv.weight"),
    Rule(PIXEL_DECODER + "output_convs.0.gn.{p}", "pixel_decoder.output_conv.norm.{p}"),
    Rule(PIXEL_DECODER + "mask_feature.{p}", "pixel_decoder.mask_projection.{p}"),
    Rule(DECODER + "layers.{i}.attentions.0.attn.in_proj_{p}", "transformer_decoder.layers.{i}.cross_attn.in_proj_{p}"),
    Rule(
        DECODER + "layers.{i}.attentions.0.attn.out_proj.{p}", "transformer_decoder.layers.{i}.cross_attn.out_proj.{p}"
    ),
    Rule(DECODER + "layers.{i}.attentions.1.attn.in_proj_{p}", "transformer_decoder.layers.{i}.self_attn.in_proj_{p}"),
    Rule(
        DECODER + "layers.{i}.attentions.1.attn.out_proj.{p}", "transformer_decoder.layers.{i}.self_attn.out_proj.{p}"
    ),
    Rule(DECODER + "layers.{i}.ffns.0.layers.0.0.{p}", "transformer_decoder.layers.{i}.fc1.{p}"),
    Rule(DECODER + "layers.{i}.ffns.0.layers.1.{p}", "transformer_decoder.layers.{i}.fc2.{p}"),
    Rule(DECODER + "layers.{i}.norms.0.{p}", "transformer_decoder.layers.{i}.norm1.{p}"),
    Rule(DECODER + "layers.{i}.norms.1.{p}", "transformer_decoder.layers.{i}.norm2.{p}"),
    Rule(DECODER + "layers.{i}.norms.2.{p}", "transformer_decoder.layers.{i}.norm3.{p}"),
    Rule(DECODER + "post_norm.{p}", "transformer_decoder.norm.{p}"),
    Rule("panoptic_head.query_embed.weight", "transformer_decoder.query_pos"),
    Rule("panoptic_head.query_feat.weight", "transformer_decoder.query_feat"),
    Rule("panoptic_head.level_embed.weight", "transformer_decoder.level_embed"),
    Rule("panoptic_head.cls_embed.{p}", "transformer_decoder.class_head.{p}"),
    Rule("panoptic_head.mask_embed.{i}.{p}", "transformer_decoder.mask_head.{i}.{p}"),
)

MMDET2 = KeyMap((*SWIN, *HEAD))
