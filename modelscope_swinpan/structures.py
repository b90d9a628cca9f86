"""The values that travel between the steps, and the letters that their shapes are written in.

B batch · Q queries · K classes (the no-object class comes after them) · C channels · H, W padded input in pixels ·
h, w one feature map · L levels, coarsest first · P sampling points.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

INSTANCE_OFFSET = 1000
"""Panoptic ids are ``label + INSTANCE_OFFSET * instance``; stuff is instance 0 (mmdetection's convention)."""


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class ImageBatch:
    """Preprocessed images of one padded size.

    ``pixel_values`` (B, 3, H, W) RGB, normalised, float32, zero-padded at the right and bottom; ``resized`` and
    ``original`` give each image's size after and before resizing.
    """

    pixel_values: Tensor
    resized: tuple[Size, ...]
    original: tuple[Size, ...]


class Mask2FormerOutput(NamedTuple):
    """What the model answers. ``class_logits`` (B, Q, K+1), ``mask_logits`` (B, Q, H/4, W/4), both float32.

    ``aux_outputs`` holds ``(class_logits, mask_logits)`` of the predictions before the last, first to last, where they
    were asked for.
    """

    class_logits: Tensor
    mask_logits: Tensor
    aux_outputs: tuple[tuple[Tensor, Tensor], ...] = ()
