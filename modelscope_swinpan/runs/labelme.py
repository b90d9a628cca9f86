"""LabelMe's annotations."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..files import is_url, write_atomic
from ..images.sources import is_data_url
from ..structures import Segment
from .own_names import class_names, with_own_files
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries

VERSION = "5.5.0"
"""The version of LabelMe whose form the files have."""


class LabelMeSink(ShapesSink):
    """A JSON file per image in ``labelme``, named like the photo: polygons, one for each part of a segment.

    The parts of one segment have one ``group_id``. The files lie side by side, whatever folders the photos are in:
    ``labelme --output DIR`` looks for them there.
    """

    name = "labelme"
    files = ("labelme",)

    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """The corners of each part."""
        return [part.tolist() for part in segment_polygons(segment, mask)]

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write the JSON files."""
        names = class_names(categories)
        for path, entry in with_own_files(entries(), folder / "labelme", ".json", flat=True):
            content = {
                "version": VERSION,
                "flags": {},
                "shapes": list(_shapes(entry, names)),
                "imagePath": _photo(entry, path.parent),
                "imageData": None,
                "imageHeight": entry["height"],
                "imageWidth": entry["width"],
            }
            write_atomic(path, json.dumps(content, indent=2).encode())


def _shapes(entry: Mapping[str, Any], names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for number, segment in enumerate(entry["segments"], start=1):
        for points in segment["shape"]:
            yield {
                "label": names[segment["category_id"]],
                "points": points,
                "group_id": number if len(segment["shape"]) > 1 else None,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
                "score": segment["score"],
            }


def _photo(entry: Mapping[str, Any], folder: Path) -> str:
    """The path of the photo from the ``folder`` of its JSON file, as LabelMe writes it."""
    source = entry["source"]
    if not isinstance(source, str) or is_url(source) or is_data_url(source):
        return str(entry["name"])
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # on another drive
        return source
