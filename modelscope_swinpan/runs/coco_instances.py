"""COCO's instance annotations, as annotation tools and instance models read them."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..coco.encoding import encode_mask
from ..coco.writer import write_panoptic_json
from ..structures import Segment
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries


class CocoInstancesSink(ShapesSink):
    """``annotations.json``: images, categories and an annotation per segment, also of stuff.

    Masks are compressed run-length codes, which are exact, or polygons.
    """

    name = "coco-instances"
    files = ("annotations.json",)

    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """COCO's ``segmentation``; corners have two digits behind the point."""
        if self.kind == "mask":
            return encode_mask(mask)
        return [part.round(2).reshape(-1).tolist() for part in segment_polygons(segment, mask)]

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``annotations.json``. Annotations are numbered from 1."""
        images = (
            {"id": entry["image_id"], "file_name": entry["name"], "height": entry["height"], "width": entry["width"]}
            for entry in entries()
        )
        write_panoptic_json(folder / self.files[0], images, _annotations(entries), categories)


def _annotations(entries: Entries) -> Iterator[dict[str, Any]]:
    numbers = count(1)
    for entry in entries():
        for segment in entry["segments"]:
            fields = {name: value for name, value in segment.items() if name != "shape"}
            image = {"id": next(numbers), "image_id": entry["image_id"]}
            yield {**image, **fields, "iscrowd": 0, "segmentation": segment["shape"]}
