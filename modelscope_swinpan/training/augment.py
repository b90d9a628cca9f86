"""Training samples: large-scale jitter, crop, flip and colour, as Mask2Former trains (Ghiasi et al., arXiv 2012.07177).

Randomness is torch's: ``torch.manual_seed`` decides it, and in a data loader's workers their own seeds do.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from ..coco.annotation import Example
from ..errors import ConfigError

PADDING = (124, 116, 104)
"""What fills the picture beyond its edges: ImageNet's mean colour, RGB 0–255, which is 0 when normalised."""


class TrainingSample(NamedTuple):
    """``image`` (3, H, W) uint8 RGB; of its n segments ``labels`` (n,) int64 and ``masks`` (n, H, W) bool.

    Void and crowds have no mask, nor have segments that the crop left out.
    """

    image: Tensor
    labels: Tensor
    masks: Tensor


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """``size`` is that of a sample, (height, width) in pixels. Defaults: upstream's.

    An image is resized to fit into ``size`` times a factor between the two of ``scale``, its proportions kept; then it
    is cropped and padded to ``size``. ``flip`` is how often (0–1) left and right are swapped, ``color`` how often
    brightness, contrast, saturation and hue are changed, each or not.
    """

    size: tuple[int, int] = (1024, 1024)
    scale: tuple[float, float] = (0.1, 2.0)
    flip: float = 0.5
    color: float = 0.0

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ConfigError(f"size must hold a height and a width of at least 1 pixel; got {self.size}.")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ConfigError(f"scale must hold two factors above 0, the smaller first; got {self.scale}.")
        for name in ("flip", "color"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie between 0 and 1; got {getattr(self, name)}.")


class Augment:
    """Turns examples into training samples of one size."""

    def __init__(self, config: AugmentConfig) -> None:
        fill = {tv_tensors.Image: PADDING, tv_tensors.Mask: 0}
        self._config = config
        self._transform = v2.Compose(
            [
                v2.RandomCrop(config.size, pad_if_needed=True, fill=fill),
                v2.RandomHorizontalFlip(config.flip),
                v2.RandomApply([v2.RandomPhotometricDistort()], config.color),
            ]
        )

    def __call__(self, example: Example) -> TrainingSample:
        """A random view of an example."""
        segments = [segment for segment in example.segments if not segment.iscrowd]
        size = self._jittered(*example.segment_ids.shape)
        image, segment_ids = self._transform(
            F.resize(tv_tensors.Image(torch.from_numpy(example.image).permute(2, 0, 1)), size, antialias=True),
            F.resize(tv_tensors.Mask(torch.from_numpy(example.segment_ids)), size),  # nearest: ids stay ids
        )
        ids = torch.tensor([segment.id for segment in segments], dtype=torch.int32)
        masks = segment_ids.as_subclass(Tensor) == ids[:, None, None]
        seen = masks.flatten(1).any(dim=1)
        labels = torch.tensor([segment.label_id for segment in segments], dtype=torch.int64)
        return TrainingSample(image.as_subclass(Tensor), labels[seen], masks[seen])

    def _jittered(self, height: int, width: int) -> list[int]:
        """The size to resize an image to; v2.ScaleJitter can end at 0 pixels."""
        low, high = self._config.scale
        fit = min(self._config.size[0] / height, self._config.size[1] / width)
        factor = fit * (low + (high - low) * float(torch.rand(())))
        return [max(1, round(height * factor)), max(1, round(width * factor))]
