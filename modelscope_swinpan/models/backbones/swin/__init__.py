"""Swin Transformer (Liu et al., arXiv 2103.14030): everything that is particular to it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ....config import Mask2FormerConfig
from ..registry import Backbone, count_layers
from .keys import KEYS
from .module import Block as Block
from .module import Swin as Swin
from .module import SwinConfig as SwinConfig

INITIAL_STD = 0.02

CITATION = """\
```BibTeX
@inproceedings{liu2021Swin,
  title={Swin Transformer: Hierarchical Vision Transformer using Shifted Windows},
  author={Liu, Ze and Lin, Yutong and Cao, Yue and Hu, Han and Wei, Yixuan and Zhang, Zheng and Lin, Stephen and \
Guo, Baining},
  booktitle={Proceedings of the IEEE/CVF International Conference on Computer Vision (ICCV)},
  year={2021}
}
```"""


def swin_large(**changes: Any) -> Mask2FormerConfig:
    """The hub model ``damo/cv_swinL_panoptic-segmentation_cocopan``: Swin-L, 200 queries, COCO panoptic."""
    return Mask2FormerConfig(**{"backbone": SwinConfig(), **changes})


def _from_weights(tensors: Mapping[str, Tensor], _: Mapping[str, Any]) -> SwinConfig:
    stages = range(count_layers(tensors, "backbone.norms.{}.weight"))
    tables = [tensors[f"backbone.stages.{i}.blocks.0.attn.relative_position_bias_table"].shape for i in stages]
    embed_dim = tensors["backbone.patch_embed.norm.weight"].shape[0]
    return SwinConfig(
        embed_dim=embed_dim,
        depths=tuple(count_layers(tensors, f"backbone.stages.{i}.blocks.{{}}.norm1.weight") for i in stages),
        num_heads=tuple(table[1] for table in tables),
        window_size=(round(tables[0][0] ** 0.5) + 1) // 2,
        mlp_ratio=tensors["backbone.stages.0.blocks.0.mlp.fc1.bias"].shape[0] / embed_dim,
    )


def _summary(config: SwinConfig) -> str:
    depths, heads = ("-".join(map(str, numbers)) for numbers in (config.depths, config.num_heads))
    return f"Swin, {config.embed_dim} channels, {depths} blocks, {heads} heads, window {config.window_size}"


def _blocks(swin: Swin) -> list[Block]:
    return [module for module in swin.modules() if isinstance(module, Block)]


def _stages(swin: Swin) -> list[list[nn.Module]]:
    """Each stage with its output norm; the first stage has the patch embedding too."""
    stages = [[stage, norm] for stage, norm in zip(swin.stages, swin.norms, strict=True)]
    return [[swin.patch_embed, *stages[0]], *stages[1:]]


def _initialize(swin: Swin) -> None:
    """Matrices: normal, truncated, of deviation 0.02, as in the paper's code. Biases: zero."""
    for name, parameter in swin.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            nn.init.trunc_normal_(parameter, std=INITIAL_STD)


SWIN = Backbone(
    name="swin",
    title="Swin Transformer",
    citation=CITATION,
    config=SwinConfig,
    build=Swin,
    marker="backbone.patch_embed.norm.weight",
    from_weights=_from_weights,
    summary=_summary,
    keys=KEYS,
    layers=_blocks,
    stages=_stages,
    branches=lambda swin: [(block.attn, block.mlp) for block in _blocks(swin)],
    initialize=_initialize,
)
