"""The COCO panoptic format: one JSON file, and beside it a folder of the same name with a PNG per image.

A PNG's pixels are segment ids, ``id = R + 256 · G + 256² · B``, 0 where there is none (cocodataset.org/#format-data).
The JSON lists ``images``, ``categories`` and, per image, one of ``annotations`` with its PNG's name and its
``segments_info``: id, category_id, area in pixels, bbox as x, y, width, height in pixels.
"""

import io
import json
from collections.abc import Iterable, Sequence
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
from .example import Annotation, Example, SegmentInfo


class CocoPanopticWriter:
    """Writes results or annotations one by one; a context manager that writes the JSON when it is left without an
    exception.

    Each file is written whole or not at all, the JSON last, so that it never names a PNG that is not there. Segments
    of results also carry their ``score``, which COCO's own files lack. Images get the ids 1, 2, …
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

        Segments are numbered from 1 in the result's order.

        Raises:
            ConfigError: a second image with the same ``png_name``.
            OSError: the PNG cannot be written.
        """
        self._add(file_name, png_name, *numbered(result))

    def add_annotation(self, file_name: str, png_name: str, annotation: Annotation) -> None:
        """The same with what is true of an image: ids stay as they are, crowds remain crowds.

        Raises:
            ConfigError: a second image with the same ``png_name``.
            OSError: the PNG cannot be written.
        """
        entries = [_info_entry(info, self._categories[info.label_id]) for info in annotation.segments]
        self._add(file_name, png_name, annotation.segment_ids, entries)

    def _add(self, file_name: str, png_name: str, ids: npt.NDArray[np.int32], segments: list[dict[str, Any]]) -> None:
        if png_name in self._png_names:
            raise ConfigError(f"{png_name} is there already: every image of {self.json_path} needs a PNG of its own.")
        write_png(self.png_folder / png_name, colors_from_ids(ids))
        image_id = len(self._images) + 1
        height, width = ids.shape
        self._images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        self._annotations.append({"image_id": image_id, "file_name": png_name, "segments_info": segments})
        self._png_names.add(png_name)


def write_dataset(folder: Path, examples: Iterable[Example], categories: Sequence[Category]) -> None:
    """Write a dataset to ``folder``: ``panoptic.json``, and a PNG per image in ``panoptic`` and in ``images``.

    Raises:
        OSError: a file cannot be written.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with CocoPanopticWriter(folder / "panoptic.json", categories) as writer:
        for number, example in enumerate(examples, start=1):
            name = f"{number:06d}.png"
            write_png(folder / "images" / name, example.image)
            writer.add_annotation(name, name, example)


def numbered(result: PanopticResult) -> tuple[npt.NDArray[np.int32], list[dict[str, Any]]]:
    """A result's segments numbered from 1: the map of their numbers (H, W), 0 for void, and their ``segments_info``."""
    ids = np.zeros_like(result.panoptic_seg)
    entries = []
    for number, segment in enumerate(result.segments, start=1):
        ids[result.mask(segment)] = number
        entries.append({"id": number, "area": segment.area, "iscrowd": 0, **segment_entry(segment)})
    return ids, entries


def segment_entry(segment: Segment) -> dict[str, Any]:
    """What COCO's result files say of a segment, panoptic or not: category, box and score."""
    return {"category_id": segment.category_id, "bbox": _bbox(segment.box), "score": segment.score}


def colors_from_ids(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Segment ids (H, W), 0 … 256³-1, as the RGB pixels (H, W, 3) that stand for them."""
    return np.stack([ids & 0xFF, ids >> 8 & 0xFF, ids >> 16 & 0xFF], axis=2).astype(np.uint8)


def ids_from_colors(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """The segment ids (H, W) that RGB pixels (H, W, 3) stand for."""
    red, green, blue = colors.astype(np.int32).transpose(2, 0, 1)
    ids: npt.NDArray[np.int32] = red | green << 8 | blue << 16
    return ids


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write an RGB image whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    write_whole(path, png.getvalue())


def _category_entry(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "isthing": int(category.isthing),
        "color": list(category.color),
    }


def _info_entry(info: SegmentInfo, category: Category) -> dict[str, Any]:
    return {
        "id": info.id,
        "category_id": category.id,
        "area": info.area,
        "bbox": _bbox(info.box),
        "iscrowd": int(info.iscrowd),
    }


def _bbox(box: tuple[int, int, int, int]) -> list[int]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
