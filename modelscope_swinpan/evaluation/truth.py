"""The truth of a COCO panoptic dataset, in the form that the metrics take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..coco.encoding import colors_from_ids, encode_mask, image_entries, info_entry
from ..coco.id_maps import is_coco_png
from ..coco.reader import CocoPanoptic
from ..coco.remarks import SHARED, Remarks
from ..coco.writer import category_entries
from ..images.encode import write_png
from ..inference.prefetch import map_ahead


@dataclass(frozen=True, kw_only=True)
class InstanceTruth:
    """True instances in COCO's instance format, a file or its content, and a name of their source for the report."""

    content: Path | dict[str, Any]
    source: str


def panoptic_truth(dataset: CocoPanoptic, number: int, folder: Path) -> dict[str, Any]:
    """The content of a panoptic JSON with the first ``number`` images, as the dataset reads them.

    Its PNGs are absolute paths. Those that the metrics could not read as they are, of another form or with ids that two
    categories share, are written anew into ``folder``. What is odd is told in one warning for each kind.

    Raises:
        DatasetError: a field of a segment is wrong, or a PNG is missing or contradicts the JSON.
    """
    remarks, annotations = Remarks(), []
    read = map_ahead(dataset.annotation, range(number))
    for entry, annotation in zip(dataset.entries, read, strict=False):
        remarks.add(annotation.remarks)
        path = dataset.png_path(entry).absolute()
        if SHARED in {remark.kind for remark in annotation.remarks} or not is_coco_png(path):
            path = folder / f"{entry.id}.png"
            write_png(path, colors_from_ids(annotation.segment_ids))
        segments = [info_entry(segment, dataset.categories[segment.label_id]) for segment in annotation.segments]
        annotations.append({"image_id": entry.id, "file_name": str(path), "segments_info": segments})
    remarks.warn()
    return {
        "images": image_entries(dataset.entries[:number]),
        "annotations": annotations,
        "categories": category_entries(dataset.categories),
    }


def instance_truth(dataset: CocoPanoptic, number: int) -> InstanceTruth | None:
    """The true instances of the first ``number`` images, or None if no category is a thing.

    They come from ``instances_SPLIT.json`` beside ``panoptic_SPLIT.json``, if COCO's file is there. Otherwise they are
    the things of the panoptic truth. Those do not overlap, and there may be fewer of them than in COCO's file.

    Raises:
        DatasetError: a PNG is missing or contradicts the JSON.
    """
    file = dataset.layout.beside("instances")
    if file is not None and all(entry.key == str(entry.id) for entry in dataset.entries):
        return InstanceTruth(content=file, source=file.name)
    things = [category for category in dataset.categories if category.isthing]
    if not things:
        return None
    per_image = map_ahead(lambda index: _true_instances(dataset, index), range(number))
    annotations = [annotation for found in per_image for annotation in found]
    content = {
        "images": image_entries(dataset.entries[:number]),
        "annotations": [{**annotation, "id": id_} for id_, annotation in enumerate(annotations, start=1)],
        "categories": category_entries(things),
    }
    return InstanceTruth(content=content, source=f"the things of {dataset.layout.json_path.name}")


def _true_instances(dataset: CocoPanoptic, index: int) -> list[dict[str, Any]]:
    annotation = dataset.annotation(index)
    return [
        {
            **info_entry(segment, category),
            "image_id": dataset.entries[index].id,
            "segmentation": encode_mask(annotation.segment_ids == segment.id),
        }
        for segment in annotation.segments
        if (category := dataset.categories[segment.label_id]).isthing
    ]
