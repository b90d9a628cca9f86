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

from ..categories import Category
from ..data.coco_json import ImageEntry
from ..data.coco_panoptic import colors_from_ids, numbered, segment_entry, write_png
from ..errors import ConfigError, DatasetError
from ..files import whole, write_whole
from ..structures import InstanceResult, PanopticResult, Segment
from .metrics import load_hotcoco
from .truth import category_entries, image_entries

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
        self._lines = folder / "predictions.jsonl"
        _claim(folder, json.loads(json.dumps(run)))
        (folder / "panoptic").mkdir(exist_ok=True)
        _drop_torn_line(self._lines)
        self.kept = frozenset(line["image_id"] for line in self._read())

    def encode(self, image: ImageEntry, panoptic: PanopticResult, instances: InstanceResult) -> bytes:
        """Write one image's PNG and return its line for :meth:`keep`. Any thread may do it, while the model works.

        Raises:
            OSError: it cannot be written.
        """
        name = f"{image.id:012d}.png"
        ids, segments_info = numbered(panoptic)
        write_png(self.folder / "panoptic" / name, colors_from_ids(ids))
        line = {
            "image_id": image.id,
            "file_name": name,
            "segments_info": segments_info,
            "instances": [
                {**segment_entry(segment), "segmentation": _encode(instances, segment)}
                for segment in instances.segments
            ],
        }
        return json.dumps(line, separators=(",", ":")).encode() + b"\n"

    def keep(self, line: bytes) -> None:
        """Add the line of an image.

        Raises:
            OSError: it cannot be written.
        """
        with self._lines.open("ab") as file:
            file.write(line)

    def finish(self, images: Sequence[ImageEntry], categories: Sequence[Category]) -> None:
        """Write the JSON files for ``images``, whose predictions must be there.

        Raises:
            OSError: they cannot be written.
        """
        wanted = {image.id for image in images}
        annotations = {}
        with _json_list(self.folder / BOXES) as add_box, _json_list(self.folder / MASKS) as add_mask:
            for line in self._read():
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
        write_whole(self.folder / PANOPTIC, json.dumps(content).encode())

    def _read(self) -> Iterator[dict[str, Any]]:
        if not self._lines.exists():
            return
        with self._lines.open("rb") as file:
            try:
                yield from map(json.loads, file)
            except ValueError as error:
                raise DatasetError(f"{self._lines}: damaged ({error}); remove {self.folder}.") from None


@contextmanager
def _json_list(path: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that adds an item to the JSON list in a file, which is too long for the memory."""
    with whole(path) as partial, partial.open("w") as file:
        separator = "["

        def add(item: Mapping[str, Any]) -> None:
            nonlocal separator
            file.write(separator + json.dumps(item, separators=(",", ":")))
            separator = ",\n"

        yield add
        file.write("]" if separator != "[" else "[]")


def _claim(folder: Path, run: dict[str, Any]) -> None:
    """Make sure that a folder is that of ``run``, or new."""
    path = folder / "run.json"
    if path.exists():
        try:
            former = json.loads(path.read_bytes())
        except ValueError:
            raise DatasetError(f"{path}: damaged; remove {folder}.") from None
        if different := [name for name in {**former, **run} if former.get(name) != run.get(name)]:
            changes = "; ".join(
                f"{name} was {_short(former.get(name))}, is {_short(run.get(name))}" for name in different
            )
            raise ConfigError(
                f"{folder} holds another run's predictions: {changes}. Choose another folder, or remove it."
            )
        return
    if taken := [name for name in (PANOPTIC, "panoptic", "predictions.jsonl") if (folder / name).exists()]:
        raise ConfigError(f"{folder} holds {taken[0]}, which is not of an evaluation; choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(run, indent=2).encode())


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of its last line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
        file.truncate(end)


def _encode(instances: InstanceResult, segment: Segment) -> dict[str, Any]:
    encoded = load_hotcoco().mask.encode(instances.mask(segment))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}
