"""A folder of predictions that grows as they come, so that a run that was stopped goes on where it was.

``run.json`` says what makes them. ``predictions.jsonl`` has a line per image, its panoptic PNG lies in ``panoptic``.
When all are there, ``panoptic.json`` (COCO's panoptic format), ``boxes.json`` and ``masks.json`` (its result formats)
are made from the lines.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..categories import Category
from ..coco.encoding import image_entries, segment_entry
from ..coco.json import ImageEntry
from ..coco.writer import category_entries
from ..files import atomic, write_atomic
from ..images.encode import write_png
from ..inference.results import InstanceResult, PanopticResult
from ..runs.journal import Lines, claim, json_list
from ..structures import Segment
from .metrics import load_hotcoco

PANOPTIC, BOXES, MASKS = "panoptic.json", "boxes.json", "masks.json"


class PredictionFolder:
    """Predictions of one run on disk."""

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        """Open or make ``folder`` for the predictions of ``run``: JSON of all that decides what is predicted.

        Raises:
            ConfigError: it holds something else, or the predictions of another run.
            DatasetError: its files are damaged.
        """
        self.folder = folder
        claim(folder, run, files=(PANOPTIC, "panoptic", "predictions.jsonl"))
        (folder / "panoptic").mkdir(exist_ok=True)
        self._lines = Lines(folder / "predictions.jsonl")
        self.kept = frozenset(line["image_id"] for line in self._lines)

    def encode(self, image: ImageEntry, panoptic: PanopticResult, instances: InstanceResult) -> bytes:
        """Write one image's PNG and return its line for :meth:`keep`. Any thread may do it, while the model works.

        Raises:
            OSError: it cannot be written.
        """
        name = f"{image.id:012d}.png"
        annotation, png = panoptic.to_coco(image.id, name)
        write_png(self.folder / "panoptic" / name, np.asarray(png))
        line = {
            **annotation,
            "instances": [
                {**segment_entry(segment), "segmentation": _encode(instances, segment)}
                for segment in instances.segments
            ],
        }
        return json.dumps(line, separators=(",", ":")).encode()

    def keep(self, line: bytes) -> None:
        """Add the line of an image.

        Raises:
            OSError: it cannot be written.
        """
        self._lines.add(line)

    def finish(self, images: Sequence[ImageEntry], categories: Sequence[Category]) -> None:
        """Write the JSON files for ``images``, whose predictions must be there.

        Raises:
            OSError: they cannot be written.
        """
        wanted = {image.id for image in images}
        annotations = {}
        with _list_file(self.folder / BOXES) as add_box, _list_file(self.folder / MASKS) as add_mask:
            for line in self._lines:
                id_ = line["image_id"]
                if id_ not in wanted or id_ in annotations:
                    continue
                for instance in line.pop("instances"):
                    box, mask = instance.pop("bbox"), instance.pop("segmentation")
                    add_box({"image_id": id_, **instance, "bbox": box})
                    add_mask({"image_id": id_, **instance, "segmentation": mask})
                annotations[id_] = line
        content = {
            "images": image_entries(images),
            "annotations": [annotations[image.id] for image in images],
            "categories": category_entries(categories),
        }
        write_atomic(self.folder / PANOPTIC, json.dumps(content).encode())


@contextmanager
def _list_file(path: Path) -> Iterator[Callable[[Any], None]]:
    """A function that adds an item to the JSON list that the file at ``path`` will be."""
    with atomic(path) as partial, partial.open("w") as file, json_list(file) as add:
        yield add


def _encode(instances: InstanceResult, segment: Segment) -> dict[str, Any]:
    encoded = load_hotcoco().mask.encode(instances.mask(segment))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}
