"""Checkpoints of Mask2Former's authors (facebookresearch/Mask2Former, on detectron2)."""

from ...models.keys import Rule
from .registry import Dialect


def pixel_decoder(theirs: str) -> tuple[Rule, ...]:
    """The pixel decoder; ``theirs`` is the prefix of its keys."""
    layer, our_layer = theirs + "transformer.encoder.layers.{i}.", "pixel_decoder.layers.{i}."
    return (
        Rule(theirs + "input_proj.{i}.0.{p}", "pixel_decoder.input_convs.{i}.conv.{p}"),
        Rule(theirs + "input_proj.{i}.1.{p}", "pixel_decoder.input_convs.{i}.norm.{p}"),
        Rule(theirs + "transformer.level_embed", "pixel_decoder.level_embed"),
        Rule(layer + "self_attn.{m}.{p}", our_layer + "self_attn.{m}.{p}"),
        Rule(layer + "norm{k}.{p}", our_layer + "norm{k}.{p}"),
        Rule(layer + "linear{k}.{p}", our_layer + "fc{k}.{p}"),
        Rule(theirs + "adapter_1.weight", "pixel_decoder.lateral_conv.conv.weight"),
        Rule(theirs + "adapter_1.norm.{p}", "pixel_decoder.lateral_conv.norm.{p}"),
        Rule(theirs + "layer_1.weight", "pixel_decoder.output_conv.conv.weight"),
        Rule(theirs + "layer_1.norm.{p}", "pixel_decoder.output_conv.norm.{p}"),
        Rule(theirs + "mask_features.{p}", "pixel_decoder.mask_projection.{p}"),
    )


def predictor(theirs: str) -> tuple[Rule, ...]:
    """The transformer decoder; ``theirs`` is the prefix of its keys."""
    ours, layer = "transformer_decoder.", "transformer_decoder.layers.{i}."
    cross = theirs + "transformer_cross_attention_layers.{i}."
    self_ = theirs + "transformer_self_attention_layers.{i}."
    ffn = theirs + "transformer_ffn_layers.{i}."
    return (
        Rule(cross + "multihead_attn.in_proj_{p}", layer + "cross_attn.in_proj_{p}"),
        Rule(cross + "multihead_attn.out_proj.{p}", layer + "cross_attn.out_proj.{p}"),
        Rule(cross + "norm.{p}", layer + "norm1.{p}"),
        Rule(self_ + "self_attn.in_proj_{p}", layer + "self_attn.in_proj_{p}"),
        Rule(self_ + "self_attn.out_proj.{p}", layer + "self_attn.out_proj.{p}"),
        Rule(self_ + "norm.{p}", layer + "norm2.{p}"),
        Rule(ffn + "linear{k}.{p}", layer + "fc{k}.{p}"),
        Rule(ffn + "norm.{p}", layer + "norm3.{p}"),
        Rule(theirs + "decoder_norm.{p}", ours + "norm.{p}"),
        Rule(theirs + "query_feat.weight", ours + "query_feat"),
        Rule(theirs + "query_embed.weight", ours + "query_pos"),
        Rule(theirs + "level_embed.weight", ours + "level_embed"),
        Rule(theirs + "class_embed.{p}", ours + "class_head.{p}"),
        *(Rule(f"{theirs}mask_embed.layers.{i}.{{p}}", f"{ours}mask_head.{2 * i}.{{p}}") for i in range(3)),
    )


# Names in older files, which the authors' code renames too.
OLDER = (
    *pixel_decoder("sem_seg_head."),
    Rule("sem_seg_head.predictor.static_query.weight", "transformer_decoder.query_feat"),
)

DETECTRON2 = Dialect(
    name="detectron2",
    title="detectron2",
    rules=(
        *pixel_decoder("sem_seg_head.pixel_decoder."),
        *predictor("sem_seg_head.predictor."),
        Rule("criterion.empty_weight", None),  # class weights of the loss, a constant
    ),
    aliases=OLDER,
)
