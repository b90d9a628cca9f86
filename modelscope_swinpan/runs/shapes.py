"""What the formats of annotation tools have in common: an object per image, which lists the shapes of its segments."""

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..coco.encoding import segment_entry
from ..coco.polygons import Polygon, polygons
from ..inference.predictor import Pixels, Result
from ..structures import Segment
from .inputs import Item
from .sinks import Encoded, Sink


class ShapesSink(Sink):
    """Keeps the segments of an image with the shape that :meth:`shape` makes of each.

    Formats with masks, which are exact, have ``polygons`` under another name.
    """

    exact = "mask"
    """What the format calls a mask."""

    def __init__(self, *, polygons: bool = False) -> None:
        self.kind = "polygon" if polygons else self.exact
        if polygons:
            self.name = f"{self.name}-polygons"

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's object."""
        height, width = result.shape
        image = {"name": item.name, "stem": item.stem, "source": item.source, "image_id": item.image_id}
        segments = [
            {**segment_entry(segment), "area": segment.area, "shape": self.shape(segment, result.mask(segment))}
            for segment in result.segments
        ]
        return Encoded({**image, "height": height, "width": width, "segments": segments})

    @abstractmethod
    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """The shape of a segment with this mask (H, W), as JSON."""


def segment_polygons(segment: Segment, mask: npt.NDArray[np.bool_]) -> list[Polygon]:
    """The polygons of a segment's parts."""
    x1, y1, x2, y2 = segment.box
    return polygons(mask[y1:y2, x1:x2], (x1, y1))
