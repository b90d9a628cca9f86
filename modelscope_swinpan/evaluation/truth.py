"""The truth of a COCO panoptic dataset, as the metrics take it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..coco.json import ImageEntry
from ..coco.layout import path_inside
from ..coco.reader import CocoPanoptic
from ..coco.writer import category_entries
from ..inference.prefetch import map_ahead
from .metrics import load_hotcoco


@dataclass(frozen=True, kw_only=True)
class InstanceTruth:
    """What instances are compared with, a file or its content, in COCO's instance format, and where it comes from."""

    content: Path | dict[str, Any]
    source: str


def panoptic_truth(dataset: CocoPanoptic, number: int) -> dict[str, Any]:
    """The content of the panoptic JSON for the first ``number`` images.

    Raises:
        DatasetError: a segment's field is wrong, or the name of a PNG leads out of its folder.
    """
    entries = dataset.entries[:number]
    labels = {category.id: label for label, category in enumerate(dataset.categories)}
    for entry in entries:
        entry.segments(labels)
        path_inside(dataset.layout.panoptic, entry.png_name, f"{entry.annotation.where}.file_name")
    return {
        "images": image_entries(entries),
        "annotations": [entry.annotation.value for entry in entries],
        "categories": category_entries(dataset.categories),
    }


def instance_truth(dataset: CocoPanoptic, number: int) -> InstanceTruth | None:
    """The true instances of the first ``number`` images, or None where no category is a thing.

    ``instances_SPLIT.json`` beside ``panoptic_SPLIT.json``, as COCO has it. Without one, the panoptic truth's things,
    whose masks stop where another begins, and which may be fewer.

    Raises:
        DatasetError: a PNG is missing or does not fit the JSON.
    """
    path = dataset.layout.json_path
    file = path.with_name(path.name.replace("panoptic_", "instances_", 1))
    if file != path and file.is_file():
        return InstanceTruth(content=file, source=file.name)
    things = [category for category in dataset.categories if category.isthing]
    if not things:
        return None
    annotations = [
        annotation
        for found in map_ahead(lambda index: _true_instances(dataset, index), range(number))
        for annotation in found
    ]
    content = {
        "images": image_entries(dataset.entries[:number]),
        "annotations": [{"id": id_, **annotation} for id_, annotation in enumerate(annotations, start=1)],
        "categories": category_entries(things),
    }
    return InstanceTruth(content=content, source=f"the things of {path.name}")


def image_entries(images: Sequence[ImageEntry]) -> list[dict[str, Any]]:
    """Images as COCO's JSON lists them."""
    return [
        {"id": image.id, "file_name": image.name, "height": image.size.height, "width": image.size.width}
        for image in images
    ]


def _true_instances(dataset: CocoPanoptic, index: int) -> list[dict[str, Any]]:
    annotation = dataset.annotation(index)
    instances = []
    for segment in annotation.segments:
        category = dataset.categories[segment.label_id]
        if category.isthing:
            x1, y1, x2, y2 = segment.box
            instances.append(
                {
                    "image_id": dataset.entries[index].id,
                    "category_id": category.id,
                    "segmentation": load_hotcoco().mask.encode(annotation.segment_ids == segment.id),
                    "area": segment.area,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "iscrowd": int(segment.iscrowd),
                }
            )
    return instances
