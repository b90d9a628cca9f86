"""ResNet (He et al., arXiv 1512.03385) with frozen batch norm, built by timm: everything that is particular to it.

It has no initial weights: frozen norms cannot adapt to random convolutions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError
from ..keys import BackboneKeys, Rule
from .registry import Backbone, count_layers

EPS = 1e-5
DEPTHS = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101}  # depth by the number of blocks in each stage

CITATION = """\
```BibTeX
@inproceedings{he2016deep,
  title={Deep Residual Learning for Image Recognition},
  author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  booktitle={Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition},
  pages={770--778},
  year={2016}
}
```"""


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """The sizes of a ResNet.

    Args:
        depth: 50 or 101.
        stride_in_1x1: a block's first 1 × 1 convolution halves the resolution, as in the paper and in Caffe's weights
            ("v1"). Otherwise its 3 × 3 convolution does ("v1.5"), as in torchvision's weights, from which all
            published Mask2Formers started.
    """

    depth: int = 50
    stride_in_1x1: bool = False

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS.values():
            raise ConfigError(f"depth of a ResNet must be 50 or 101; got {self.depth!r}.")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the output maps, finest (stride 4) first."""
        return (256, 512, 1024, 2048)


class ResNet(nn.Module):
    """Stem and four stages of bottleneck blocks, in ``body`` under timm's names, which are torchvision's."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        import timm  # takes two seconds, and only this backbone needs it

        self.body = timm.create_model(
            f"resnet{config.depth}",
            pretrained=False,
            features_only=True,
            out_indices=(1, 2, 3, 4),
            norm_layer=FrozenBatchNorm2d,
        )
        if config.stride_in_1x1:
            for stage in (self.body.layer2, self.body.layer3, self.body.layer4):
                stage[0].conv1.stride, stage[0].conv2.stride = stage[0].conv2.stride, stage[0].conv1.stride

    def forward(self, pixel_values: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of strides 4, 8, 16 and 32 for ``pixel_values`` (B, 3, H, W)."""
        features: list[Tensor] = self.body(pixel_values)
        return features


class FrozenBatchNorm2d(nn.Module):
    """Batch norm that never changes, not even in training: statistics, scale and shift are buffers."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, **options: Any) -> None:  # device and dtype, from timm
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value, **options))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=EPS)


def _from_weights(tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> ResNetConfig:
    blocks = tuple(count_layers(tensors, f"backbone.body.layer{i}.{{}}.conv1.weight") for i in range(1, 5))
    if blocks not in DEPTHS:
        raise ValueError(f"a ResNet of {blocks} blocks, neither 50 nor 101 layers")
    return ResNetConfig(depth=DEPTHS[blocks], **options)


def _summary(config: ResNetConfig) -> str:
    return f"ResNet-{config.depth}, stride in the {'1 × 1' if config.stride_in_1x1 else '3 × 3'} convolution"


def _torchvision(layer: str) -> tuple[Rule, Rule]:
    """The weights of a layer. PyTorch's own batch norm also asks for ``num_batches_tracked``."""
    return (
        Rule(f"backbone.{layer}.{{n}}", f"backbone.body.{layer}.{{n}}"),
        Rule(
            f"backbone.{layer}.num_batches_tracked",
            f"backbone.body.{layer}.running_mean",
            constant=lambda running_mean: torch.tensor(0),
        ),
    )


TORCHVISION = BackboneKeys(rules=(*_torchvision("{b}"), *_torchvision("layer{i}.{j}.{b}")))
"""torchvision's names, which mmdetection and EasyCV keep."""


def _detectron2(theirs: str, conv: str, norm: str) -> tuple[Rule, ...]:
    """A convolution and the norm that detectron2 puts inside it, for which we have two names."""
    return (
        Rule(f"backbone.{theirs}.weight", f"backbone.body.{conv}.weight"),
        Rule(f"backbone.{theirs}.norm.{{n}}", f"backbone.body.{norm}.{{n}}"),
        Rule(f"backbone.{theirs}.norm.num_batches_tracked", None),
    )


def _detectron2_stage(theirs: str, ours: str) -> tuple[Rule, ...]:
    return (
        *_detectron2(theirs + ".{j}.conv{c}", ours + ".{j}.conv{c}", ours + ".{j}.bn{c}"),
        *_detectron2(theirs + ".{j}.shortcut", ours + ".{j}.downsample.0", ours + ".{j}.downsample.1"),
    )


DETECTRON2 = BackboneKeys(
    rules=(
        *_detectron2("stem.conv1", "conv1", "bn1"),
        *(rule for i in range(1, 5) for rule in _detectron2_stage(f"res{i + 1}", f"layer{i}")),
    )
)

RESNET = Backbone(
    name="resnet",
    title="ResNet",
    citation=CITATION,
    config=ResNetConfig,
    build=ResNet,
    marker="backbone.body.conv1.weight",
    from_weights=_from_weights,
    options={"stride_in_1x1": False},
    summary=_summary,
    tag=lambda config: f"resnet{config.depth}",
    model_type="r50-panoptic-segmentation",
    keys={"mmdet": TORCHVISION, "mmdet3": TORCHVISION, "easycv": TORCHVISION, "detectron2": DETECTRON2},
)
