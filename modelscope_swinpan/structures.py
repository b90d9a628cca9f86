"""The values that travel between the steps, and the letters that their shapes are written in.

B batch · Q queries · K classes (the no-object class comes after them) · C channels · H, W padded input in pixels ·
h, w one feature map · L levels, coarsest first · P sampling points.

Boxes are ``(x1, y1, x2, y2)`` in pixels of the original image, right and bottom edges exclusive.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

INSTANCE_OFFSET = 1000
"""Panoptic ids are ``label + INSTANCE_OFFSET * instance``; stuff is instance 0 (mmdetection's convention)."""

VIRTUAL_SCORE = 0.999
"""What upstream answers for every segment."""


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


@dataclass(frozen=True)
class Segment:
    """One region of a panoptic map.

    ``id`` is its value in the map, ``label_id`` the model's class (0 … K-1), ``category_id`` the dataset's.
    ``score`` (0–1) is class probability × mask probability, averaged over the segment's pixels.
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
class PanopticResult:
    """A panoptic segmentation: every pixel belongs to one segment or to ``void_id``.

    ``panoptic_seg`` (height, width) int32 at the original size; ``segments`` by falling id, as upstream lists them.
    """

    panoptic_seg: npt.NDArray[np.int32]
    segments: tuple[Segment, ...]
    void_id: int

    def mask(self, segment: Segment) -> npt.NDArray[np.bool_]:
        """The pixels of one segment, (height, width)."""
        mask: npt.NDArray[np.bool_] = self.panoptic_seg == segment.id
        return mask

    def to_panoptic(self) -> "PanopticResult":
        """This result: every kind of result has a panoptic form."""
        return self

    def with_virtual_scores(self) -> "PanopticResult":
        """The same result with upstream's constant score, :data:`VIRTUAL_SCORE`, for every segment."""
        return replace(self, segments=tuple(replace(segment, score=VIRTUAL_SCORE) for segment in self.segments))


@dataclass(frozen=True)
class InstanceResult:
    """Instances by falling score; they may overlap.

    ``masks`` (N, height, width) bool at the original size; ``segments`` describes them, with ids from 1 in order.
    """

    masks: npt.NDArray[np.bool_]
    segments: tuple[Segment, ...]

    def mask(self, segment: Segment) -> npt.NDArray[np.bool_]:
        """The pixels of one instance, (height, width)."""
        mask: npt.NDArray[np.bool_] = self.masks[segment.id - 1]
        return mask

    def with_virtual_scores(self) -> "InstanceResult":
        """The same result with upstream's constant score, :data:`VIRTUAL_SCORE`, for every instance."""
        return replace(self, segments=tuple(replace(segment, score=VIRTUAL_SCORE) for segment in self.segments))

    def to_panoptic(self) -> PanopticResult:
        """A map in which the better instance has each pixel; ids are kept, 0 is void, areas and boxes are as drawn."""
        panoptic_seg = np.zeros(self.masks.shape[1:], np.int32)
        for segment in reversed(self.segments):
            panoptic_seg[self.mask(segment)] = segment.id
        shown = []
        for segment in reversed(self.segments):
            ys, xs = np.nonzero(panoptic_seg == segment.id)
            if len(ys):
                box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
                shown.append(replace(segment, area=len(ys), box=box))
        return PanopticResult(panoptic_seg, tuple(shown), void_id=0)
