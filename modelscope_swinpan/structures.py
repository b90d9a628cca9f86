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
"""Ids of things lie this far apart, or as far as the model has classes, if those are more."""


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int


class ThingIds:
    """Numbers the things of one panoptic map, from 1: ``id = label + offset × number``, as in mmdetection.

    Stuff has its label as id, void K. The offset is :data:`INSTANCE_OFFSET`, with which ids repeat in a model of more
    classes: there it is K. A number is passed over where it would give a thing the id of void.
    """

    def __init__(self, num_classes: int) -> None:
        self._void = num_classes
        self._offset = max(INSTANCE_OFFSET, num_classes)
        self._number = 0

    def add(self, label: int) -> int:
        """The id of one more thing of the class ``label`` (0 … K-1). It exceeds K."""
        self._number += 1
        if label + self._offset * self._number == self._void:
            self._number += 1
        return label + self._offset * self._number


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
