"""mmdetection 2.x checkpoints, the form of the hub model, and those of 3.x, which renamed some of the head."""

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

RESNET_BLOCK = "backbone.layer{i}.{j}."
OUR_BLOCK = "backbone.body.layer{i}.{j}."

RESNET = (
    Rule("backbone.conv1.weight", "backbone.body.conv1.weight"),
    Rule("backbone.bn1.{n}", "backbone.body.bn1.{n}"),
    Rule("backbone.bn1.num_batches_tracked", None),
    Rule(RESNET_BLOCK + "conv{c}.weight", OUR_BLOCK + "conv{c}.weight"),
    Rule(RESNET_BLOCK + "bn{c}.{n}", OUR_BLOCK + "bn{c}.{n}"),
    Rule(RESNET_BLOCK + "bn{c}.num_batches_tracked", None),
    Rule(RESNET_BLOCK + "downsample.0.weight", OUR_BLOCK + "downsample.0.weight"),
    Rule(RESNET_BLOCK + "downsample.1.{n}", OUR_BLOCK + "downsample.1.{n}"),
    Rule(RESNET_BLOCK + "downsample.1.num_batches_tracked", None),
)
"""torchvision's names, which EasyCV has as well."""

PIXEL_DECODER = "panoptic_head.pixel_decoder."
DECODER = "panoptic_head.transformer_decoder."

HEAD = (
    Rule(PIXEL_DECODER + "input_convs.{i}.conv.{p}", "pixel_decoder.input_convs.{i}.conv.{p}"),
    Rule(PIXEL_DECODER + "input_convs.{i}.gn.{p}", "pixel_decoder.input_convs.{i}.norm.{p}"),
    Rule(PIXEL_DECODER + "level_encoding.weight", "pixel_decoder.level_embed"),
    Rule(PIXEL_DECODER + "lateral_convs.0.conv.weight", "pixel_decoder.lateral_conv.conv.weight"),
    Rule(PIXEL_DECODER + "lateral_convs.0.gn.{p}", "pixel_decoder.lateral_conv.norm.{p}"),
    Rule(PIXEL_DECODER + "output_convs.0.conv.weight", "pixel_decoder.output_conv.conv.weight"),
    Rule(PIXEL_DECODER + "output_convs.0.gn.{p}", "pixel_decoder.output_conv.norm.{p}"),
    Rule(PIXEL_DECODER + "mask_feature.{p}", "pixel_decoder.mask_projection.{p}"),
    Rule(DECODER + "post_norm.{p}", "transformer_decoder.norm.{p}"),
    Rule("panoptic_head.query_embed.weight", "transformer_decoder.query_pos"),
    Rule("panoptic_head.query_feat.weight", "transformer_decoder.query_feat"),
    Rule("panoptic_head.level_embed.weight", "transformer_decoder.level_embed"),
    Rule("panoptic_head.cls_embed.{p}", "transformer_decoder.class_head.{p}"),
    Rule("panoptic_head.mask_embed.{i}.{p}", "transformer_decoder.mask_head.{i}.{p}"),
)

ENCODER_LAYER = PIXEL_DECODER + "encoder.layers.{i}."
DECODER_LAYER = DECODER + "layers.{i}."
OUR_ENCODER_LAYER = "pixel_decoder.layers.{i}."
OUR_DECODER_LAYER = "transformer_decoder.layers.{i}."


def _layers(*, encoder_attn: str, cross_attn: str, self_attn: str, ffn: str) -> tuple[Rule, ...]:
    """The layers of the pixel decoder's encoder and of the transformer decoder, by what a version calls their parts."""
    return (
        Rule(ENCODER_LAYER + encoder_attn + ".{m}.{p}", OUR_ENCODER_LAYER + "self_attn.{m}.{p}"),
        Rule(ENCODER_LAYER + ffn + ".layers.0.0.{p}", OUR_ENCODER_LAYER + "fc1.{p}"),
        Rule(ENCODER_LAYER + ffn + ".layers.1.{p}", OUR_ENCODER_LAYER + "fc2.{p}"),
        Rule(ENCODER_LAYER + "norms.0.{p}", OUR_ENCODER_LAYER + "norm1.{p}"),
        Rule(ENCODER_LAYER + "norms.1.{p}", OUR_ENCODER_LAYER + "norm2.{p}"),
        Rule(DECODER_LAYER + cross_attn + ".attn.in_proj_{p}", OUR_DECODER_LAYER + "cross_attn.in_proj_{p}"),
        Rule(DECODER_LAYER + cross_attn + ".attn.out_proj.{p}", OUR_DECODER_LAYER + "cross_attn.out_proj.{p}"),
        Rule(DECODER_LAYER + self_attn + ".attn.in_proj_{p}", OUR_DECODER_LAYER + "self_attn.in_proj_{p}"),
        Rule(DECODER_LAYER + self_attn + ".attn.out_proj.{p}", OUR_DECODER_LAYER + "self_attn.out_proj.{p}"),
        Rule(DECODER_LAYER + ffn + ".layers.0.0.{p}", OUR_DECODER_LAYER + "fc1.{p}"),
        Rule(DECODER_LAYER + ffn + ".layers.1.{p}", OUR_DECODER_LAYER + "fc2.{p}"),
        Rule(DECODER_LAYER + "norms.0.{p}", OUR_DECODER_LAYER + "norm1.{p}"),
        Rule(DECODER_LAYER + "norms.1.{p}", OUR_DECODER_LAYER + "norm2.{p}"),
        Rule(DECODER_LAYER + "norms.2.{p}", OUR_DECODER_LAYER + "norm3.{p}"),
    )


LAYERS2 = _layers(encoder_attn="attentions.0", cross_attn="attentions.0", self_attn="attentions.1", ffn="ffns.0")
LAYERS3 = _layers(encoder_attn="self_attn", cross_attn="cross_attn", self_attn="self_attn", ffn="ffn")

MMDET2 = KeyMap((*SWIN, *RESNET, *HEAD, *LAYERS2))
MMDET3 = KeyMap((*SWIN, *RESNET, *HEAD, *LAYERS3))
