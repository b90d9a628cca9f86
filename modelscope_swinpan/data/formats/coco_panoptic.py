"""COCO's panoptic format as COCO, Cityscapes, ADE20K and Mapillary Vistas ship it, and as this package writes it."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...coco.json import first_annotation
from ...coco.layout import find_layout
from ...errors import DatasetError
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..masks import pixels_of
from ..report import Report
from .registry import DatasetFormat, Given

if TYPE_CHECKING:
    from ...coco.reader import CocoPanoptic


def _recognises(given: Given) -> bool:
    if given.path.is_file():
        content = given.json_with("images", "annotations", "categories")
        return content is not None and first_annotation(content).get("segments_info") is not None
    try:
        find_layout(given.path, split=given.split)
    except DatasetError as error:
        return "several splits" in str(error)
    return True


def _read(given: Given, report: Report) -> Source:
    from ...coco.reader import CocoPanoptic  # imports PyTorch, which --help must not wait for

    dataset = CocoPanoptic.open(given.path, images=given.images, split=given.split)
    photos = [
        Photo(
            where=dataset.where(entry),
            name=entry.name,
            image=dataset.image_path(entry),
            size=entry.size,
            exif=dataset.exif,
            shapes=partial(_shapes, dataset, index, report),
        )
        for index, entry in enumerate(dataset.entries)
    ]
    return Source(classes=[*map(SourceClass.of, dataset.categories)], photos=photos, exif=dataset.exif)


def _shapes(dataset: "CocoPanoptic", index: int, report: Report, _: Size) -> Iterator[Shape]:
    annotation = dataset.annotation(index)
    entry = dataset.entries[index]
    report.note_remarks(annotation.remarks)
    ids = np.asfortranarray(annotation.segment_ids)
    for segment in annotation.segments:
        yield Shape(
            label=dataset.categories[segment.label_id].name,
            where=f"{entry.annotation.where}, id {segment.id}",
            outline=pixels_of(ids, segment.id),
            crowd=segment.iscrowd,
        )


FORMAT = DatasetFormat(
    "coco-panoptic",
    "COCO panoptic, also as the scripts of Cityscapes, ADE20K and Mapillary Vistas write it",
    _recognises,
    _read,
)
