"""The COCO panoptic format: one JSON file, and beside it a folder of the same name with a PNG per image.

A PNG's pixels are segment ids, ``id = R + 256 · G + 256² · B``, 0 where there is none (cocodataset.org/#format-data).
The JSON lists ``images``, ``categories`` and, per image, one of ``annotations`` with its PNG's name and its
``segments_info``: id, category_id, area in pixels, bbox as x, y, width, height in pixels.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..categories import Category
from ..errors import ConfigError
from ..files import write_whole
from ..structures import PanopticResult, Segment


class CocoPanopticWriter:
    """Writes results one by one; a context manager that writes the JSON when it is left without an exception.

    Each file is written whole or not at all, the JSON last, so that it never names a PNG that is not there. Segments
    also carry their ``score``, which COCO's own files lack.
    """

    def __init__(self, json_path: Path, categories: Sequence[Category]) -> None:
        self.json_path = json_path
        self.png_folder = json_path.with_suffix("")
        self._categories = categories
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._png_names: set[str] = set()

    def __enter__(self) -> "CocoPanopticWriter":
        """Make the folder, and remove a former JSON file, whose PNGs are about to be replaced."""
        self.png_folder.mkdir(parents=True, exist_ok=True)
        self.json_path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            content = {
                "images": self._images,
                "annotations": self._annotations,
                "categories": [_category_entry(category) for category in self._categories],
            }
            write_whole(self.json_path, json.dumps(content).encode())

    def add(self, file_name: str, png_name: str, result: PanopticResult) -> None:
        """Write the PNG of one image and remember its entries. ``file_name`` is the image's name in the JSON.

        Segments are numbered from 1 in the result's order. Images get the ids 1, 2, …

        Raises:
            ConfigError: a second image with the same ``png_name``.
            OSError: the PNG cannot be written.
        """
        if png_name in self._png_names:
            raise ConfigError(f"{png_name} is there already: every image of {self.json_path} needs a PNG of its own.")
        ids = np.zeros_like(result.panoptic_seg)
        for number, segment in enumerate(result.segments, start=1):
            ids[result.mask(segment)] = number
        png = io.BytesIO()
        Image.fromarray(colors_from_ids(ids)).save(png, "PNG")
        write_whole(self.png_folder / png_name, png.getvalue())

        image_id = len(self._images) + 1
        height, width = result.panoptic_seg.shape
        segments_info = [_segment_entry(number, segment) for number, segment in enumerate(result.segments, start=1)]
        self._images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        self._annotations.append({"image_id": image_id, "file_name": png_name, "segments_info": segments_info})
        self._png_names.add(png_name)


def colors_from_ids(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Segment ids (H, W), 0 … 256³-1, as the RGB pixels (H, W, 3) that stand for them."""
    return np.stack([ids & 0xFF, ids >> 8 & 0xFF, ids >> 16 & 0xFF], axis=2).astype(np.uint8)


def _category_entry(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "isthing": int(category.isthing),
        "color": list(category.color),
    }


def _segment_entry(number: int, segment: Segment) -> dict[str, Any]:
    x1, y1, x2, y2 = segment.box
    return {
        "id": number,
        "category_id": segment.category_id,
        "area": segment.area,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "iscrowd": 0,
        "score": segment.score,
    }
