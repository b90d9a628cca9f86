"""Make training samples by large-scale jitter, crop, flip and colour changes, as Mask2Former does.

Large-scale jitter: Ghiasi et al., arXiv 2012.07177. Unlike in Mask2Former, an image smaller than the sample may lie
anywhere in it, not only at its top left. All randomness comes from PyTorch's global generator, so ``torch.manual_seed``
makes samples repeatable. The workers of a data loader have their own seeds.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from ..coco.annotation import Example
from .config import AugmentConfig

PADDING = (124, 116, 104)
"""The colour beyond the edges of an image: ImageNet's mean, RGB 0–255, which normalises to about 0."""


class TrainingSample(NamedTuple):
    """``image`` (3, H, W) uint8 RGB, and its n segments: ``labels`` (n,) int64 and ``masks`` (n, H, W) bool.

    Void, crowds and segments outside the crop have no mask.
    """

    image: Tensor
    labels: Tensor
    masks: Tensor


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
        """Make a random sample of an example."""
        segments = [segment for segment in example.segments if not segment.iscrowd]
        size = self._jittered_size(*example.segment_ids.shape)
        image, segment_ids = self._transform(
            F.resize(tv_tensors.Image(torch.from_numpy(example.image).permute(2, 0, 1)), size, antialias=True),
            F.resize(tv_tensors.Mask(torch.from_numpy(example.segment_ids)), size),  # nearest: ids stay ids
        )
        segment_ids = segment_ids.as_subclass(Tensor)
        seen = [segment for segment in segments if (segment_ids == segment.id).any()]  # first: masks are large
        ids = torch.tensor([segment.id for segment in seen], dtype=torch.int32)
        labels = torch.tensor([segment.label_id for segment in seen], dtype=torch.int64)
        return TrainingSample(image.as_subclass(Tensor), labels, segment_ids == ids[:, None, None])

    def _jittered_size(self, height: int, width: int) -> list[int]:
        """A random size to resize an image to. ``v2.ScaleJitter`` is not used, as it can end at 0 pixels."""
        low, high = self._config.scale
        fit = min(self._config.size[0] / height, self._config.size[1] / width)
        factor = fit * (low + (high - low) * float(torch.rand(())))
        return [max(1, round(height * factor)), max(1, round(width * factor))]
