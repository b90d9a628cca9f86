"""ResNet backbone (He et al., arXiv 1512.03385): timm's, with frozen batch norm."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...config import ResNetConfig

EPS = 1e-5


class ResNet(nn.Module):
    """Stem and four stages of bottleneck blocks, under timm's names (which are torchvision's) below ``body``."""

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
    """Batch norm that never changes, in training neither: statistics and affine part are buffers.

    ``device`` and ``dtype`` are what timm hands to every layer.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value, device=device, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=EPS)
