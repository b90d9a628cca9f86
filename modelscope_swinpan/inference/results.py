"""What a predictor answers, and the forms in which other tools take it.

Boxes are ``(x1, y1, x2, y2)`` in pixels of the original image, right and bottom edges exclusive.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..categories import COCO_PANOPTIC, Category
from ..coco.annotation import annotate
from ..coco.encoding import colors_from_ids, encode_mask, segment_entry
from ..extras import require
from ..images.decode import decode_image
from ..images.encode import encode_png
from ..structures import Segment
from .contests import Contests

if TYPE_CHECKING:
    import supervision as sv

VIRTUAL_SCORE = 0.999  # what upstream answers for every segment
NOTEBOOK_SIDE = 1024  # the longest side, in pixels, of the picture that a notebook shows
R = TypeVar("R", bound="Segmentation")


class Segmentation(ABC):
    """Segments with masks, and the forms that panoptic results and instances share."""

    segments: tuple[Segment, ...]
    categories: tuple[Category, ...]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Height and width of the original image, in pixels."""

    @abstractmethod
    def mask(self, segment: Segment) -> npt.NDArray[np.bool_]:
        """The pixels of one segment, (height, width)."""

    @abstractmethod
    def to_panoptic(self) -> "PanopticResult":
        """The map in which every pixel belongs to one segment or to none."""

    def with_virtual_scores(self: R) -> R:
        """The same result with upstream's constant score, :data:`VIRTUAL_SCORE`, for every segment."""
        segments = tuple(replace(segment, score=VIRTUAL_SCORE) for segment in self.segments)
        return replace(self, segments=segments)  # type: ignore[type-var]  # every kind of result is a dataclass

    def to_rle(self) -> list[dict[str, Any]]:
        """Each segment's mask as COCO's compressed runs, ``{'size': [height, width], 'counts': str}``, fit for JSON."""
        return [encode_mask(self.mask(segment)) for segment in self.segments]

    def result_entries(self, image_id: int) -> list[dict[str, Any]]:
        """COCO's result form: an item per segment, with box (x, y, width, height) and mask."""
        return [
            {"image_id": image_id, **segment_entry(segment), "area": segment.area, "segmentation": mask}
            for segment, mask in zip(self.segments, self.to_rle(), strict=True)
        ]

    def to_supervision(self) -> "sv.Detections":
        """The segments as ``supervision.Detections``: boxes, masks, scores, and labels (0 … K-1) as class ids.

        Names are in ``data['class_name']``. All masks together take N × height × width bytes.

        Raises:
            ConfigError: supervision is not installed.
        """
        sv = require("to_supervision()", "supervision", extra="supervision")  # takes a second
        masks = np.empty((len(self.segments), *self.shape), np.bool_)
        for mask, segment in zip(masks, self.segments, strict=True):
            mask[:] = self.mask(segment)
        return sv.Detections(
            xyxy=np.array([segment.box for segment in self.segments], np.float32).reshape(-1, 4),
            mask=masks,
            confidence=np.array([segment.score for segment in self.segments], np.float32),
            class_id=np.array([segment.label_id for segment in self.segments], np.int64),
            data={"class_name": np.array([segment.label for segment in self.segments], np.str_)},
        )

    def to_pil(self, image: Any = None) -> Image.Image:
        """The segments over ``image``, the one that was segmented, in any form that a predictor takes.

        They have outlines and labels, and a small image is enlarged (:func:`~modelscope_swinpan.inference.draw.draw`).
        Without an image: the segments' colours alone at the result's size, black where there is none.

        Raises:
            ImageError: ``image`` is no usable image, or not of the result's size.
        """
        from .draw import draw, paint

        shown = self.to_panoptic()
        if image is None:
            return Image.fromarray(paint(shown.panoptic_seg, shown.segments, shown.categories))
        return Image.fromarray(draw(decode_image(image), shown.panoptic_seg, shown.segments, shown.categories))

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the colours with outlines and labels, as a PNG file."""
        picture = self.to_pil(self.to_pil())
        picture.thumbnail((NOTEBOOK_SIDE, NOTEBOOK_SIDE))
        return encode_png(picture)


@dataclass(frozen=True)
class PanopticResult(Segmentation):
    """A panoptic or semantic segmentation: every pixel belongs to one segment or to ``void_id``.

    ``panoptic_seg`` (height, width) int32 at the original size; ``segments`` by falling id, as upstream lists them.
    ``categories``, in label order, give the colours. If the predictor was asked for them, ``instances`` of the same
    forward are there too, which may overlap, and ``contests``: which query has each pixel with other thresholds.
    """

    panoptic_seg: npt.NDArray[np.int32]
    segments: tuple[Segment, ...]
    void_id: int
    categories: tuple[Category, ...] = field(default=COCO_PANOPTIC, kw_only=True, repr=False)
    instances: "InstanceResult | None" = field(default=None, kw_only=True, repr=False)
    contests: Contests | None = field(default=None, kw_only=True, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the original image, in pixels."""
        height, width = self.panoptic_seg.shape
        return height, width

    def mask(self, segment: Segment) -> npt.NDArray[np.bool_]:
        """The pixels of one segment, (height, width)."""
        mask: npt.NDArray[np.bool_] = self.panoptic_seg == segment.id
        return mask

    def to_panoptic(self) -> "PanopticResult":
        """This result: every kind of result has a panoptic form."""
        return self

    def of_categories(self, ids: Collection[int] | None) -> "PanopticResult":
        """This result without the segments of other categories than those with these ids; with None, all of it.

        The pixels of what is left out count as void for :meth:`to_coco`.
        """
        if ids is None:
            return self
        return replace(self, segments=tuple(segment for segment in self.segments if segment.category_id in ids))

    def to_coco(self, image_id: int, file_name: str | None = None) -> tuple[dict[str, Any], Image.Image]:
        """COCO's panoptic form: an item of ``annotations``, and the PNG that it names, an RGB image.

        Segments are numbered from 1 in order; a pixel's number is R + 256 · G + 256² · B, 0 for void. They also carry
        their ``score``, which COCO's own files lack. ``file_name`` is the PNG's, by default the id in 12 digits.
        """
        numbers = np.zeros_like(self.panoptic_seg)
        entries = []
        for number, segment in enumerate(self.segments, start=1):
            numbers[self.mask(segment)] = number
            entries.append({"id": number, "area": segment.area, "iscrowd": 0, **segment_entry(segment)})
        name = f"{image_id:012d}.png" if file_name is None else file_name
        annotation = {"image_id": image_id, "file_name": name, "segments_info": entries}
        return annotation, Image.fromarray(colors_from_ids(numbers))


@dataclass(frozen=True)
class InstanceResult(Segmentation):
    """Instances by falling score; they may overlap.

    ``masks`` (N, height, width) bool at the original size; ``segments`` describes them, with ids from 1 in order.
    ``categories``, in label order, give the colours.
    """

    masks: npt.NDArray[np.bool_]
    segments: tuple[Segment, ...]
    categories: tuple[Category, ...] = field(default=COCO_PANOPTIC, kw_only=True, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the original image, in pixels."""
        _, height, width = self.masks.shape
        return height, width

    def mask(self, segment: Segment) -> npt.NDArray[np.bool_]:
        """The pixels of one instance, (height, width)."""
        mask: npt.NDArray[np.bool_] = self.masks[segment.id - 1]
        return mask

    def to_panoptic(self) -> PanopticResult:
        """A map in which the better instance has each pixel; ids are kept, 0 is void, areas and boxes are as drawn."""
        panoptic_seg = np.zeros(self.shape, np.int32)
        for segment in reversed(self.segments):
            panoptic_seg[self.mask(segment)] = segment.id
        labels = {segment.id: segment.label_id for segment in self.segments}
        drawn = {info.id: info for info in annotate(panoptic_seg, labels).segments}
        shown = tuple(
            replace(segment, area=drawn[segment.id].area, box=drawn[segment.id].box)
            for segment in reversed(self.segments)
            if segment.id in drawn
        )
        return PanopticResult(panoptic_seg, shown, void_id=0, categories=self.categories)

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """COCO's result form: an item per instance, with box (x, y, width, height) and mask.

        pycocotools takes an instance's size from its box where it has one: leave ``bbox`` out to score masks by size.
        """
        return self.result_entries(image_id)
