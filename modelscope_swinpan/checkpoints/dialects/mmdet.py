"""mmdetection's checkpoints: those of 2.x, like the hub model's, and those of 3.x, which renamed parts of the head."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...config import Mask2FormerConfig
from ...files import save_torch
from ...models.keys import Rule
from .registry import Dialect, Writer

if TYPE_CHECKING:
    from torch import Tensor

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
    """The layers of both decoders, given a version's names for their parts."""
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


def _write(path: Path, tensors: "Mapping[str, Tensor]", config: Mask2FormerConfig) -> None:
    meta = {
        "CLASSES": [category.name for category in config.categories],
        "PALETTE": [category.color for category in config.categories],
    }
    save_torch({"meta": meta, "state_dict": {key: _own(tensor) for key, tensor in tensors.items()}}, path)


def _own(tensor: "Tensor") -> "Tensor":
    """The same numbers on the CPU, in a storage of their own: ``torch.save`` writes whole storages."""
    import torch

    raw = tensor.cpu().view(-1).view(torch.uint8).numpy().data
    return torch.frombuffer(raw, dtype=tensor.dtype).view(tensor.shape)


MMDET2 = Dialect(
    name="mmdet",
    title="mmdetection 2.x",
    rules=(*HEAD, *LAYERS2),
    writer=Writer(purpose="mmdetection 2.x, which upstream reads", weights="pytorch_model.pt", write=_write),
)
MMDET3 = Dialect(name="mmdet3", title="mmdetection 3.x", rules=(*HEAD, *LAYERS3))
