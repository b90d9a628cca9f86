"""The values that travel between the steps, and the letters that their shapes are written in.

B batch · Q queries · K classes (the no-object class comes after them) · C channels · H, W padded input in pixels ·
h, w one feature map · L levels, coarsest first · P sampling points.

PyTorch is not imported here: the commands that only read files need no tensor.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

INSTANCE_OFFSET = 1000
"""Panoptic ids are ``label + INSTANCE_OFFSET * instance``; stuff is instance 0 (mmdetection's convention)."""


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class Segment:
    """One region of a panoptic map, or an instance.

    ``id`` is its value in the map, ``label_id`` the model's class (0 … K-1), ``category_id`` the dataset's.
    ``score`` (0–1) is class probability × mask probability, averaged over the segment's pixels. ``box`` is
    ``(x1, y1, x2, y2)`` in pixels of the original image, right and bottom edges exclusive.
    """

    id: int
    label_id: int
    category_id: int
    label: str
    isthing: bool
    area: int
    box: tuple[int, int, int, int]
    score: float


@dataclass(frozen=True)
class ImageBatch:
    """Preprocessed images of one padded size.

    ``pixel_values`` (B, 3, H, W) RGB, normalised, float32, zero-padded at the right and bottom; ``resized`` and
    ``original`` give each image's size after and before resizing.
    """

    pixel_values: "Tensor"
    resized: tuple[Size, ...]
    original: tuple[Size, ...]


class Mask2FormerOutput(NamedTuple):
    """What the model answers. ``class_logits`` (B, Q, K+1), ``mask_logits`` (B, Q, H/4, W/4), both float32.

    ``aux_outputs`` holds ``(class_logits, mask_logits)`` of the predictions before the last, first to last, where they
    were asked for.
    """

    class_logits: "Tensor"
    mask_logits: "Tensor"
    aux_outputs: "tuple[tuple[Tensor, Tensor], ...]" = ()
