"""The true instances of a COCO panoptic dataset."""

from pathlib import Path
from typing import Any

from ..coco.encoding import encode_mask, info_entry
from ..coco.reader import CocoPanoptic
from ..coco.writer import category_entries
from ..inference.prefetch import map_ahead


def instance_truth(dataset: CocoPanoptic, number: int) -> tuple[Path | dict[str, Any], str] | None:
    """The true instances of the first ``number`` images, or None if no category is a thing.

    They are in COCO's instance format, a file or its content, with a name of their source. They come from
    ``instances_SPLIT.json`` beside ``panoptic_SPLIT.json``, if COCO's file is there. Otherwise they are the things of
    the panoptic truth. Those do not overlap, and there may be fewer of them than in COCO's file.

    Raises:
        DatasetError: a PNG is missing or contradicts the JSON.
    """
    file = dataset.layout.instances
    if file is not None and all(entry.key == str(entry.id) for entry in dataset.entries):
        return file, file.name
    things = [category for category in dataset.categories if category.isthing]
    if not things:
        return None
    per_image = map_ahead(lambda index: _true_instances(dataset, index), range(number))
    annotations = [annotation for found in per_image for annotation in found]
    content = {
        "images": [
            {"id": entry.id, "file_name": entry.name, **entry.size._asdict()} for entry in dataset.entries[:number]
        ],
        "annotations": [{**annotation, "id": id_} for id_, annotation in enumerate(annotations, start=1)],
        "categories": category_entries(things),
    }
    return content, f"the things of {dataset.layout.json_path.name}"


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
