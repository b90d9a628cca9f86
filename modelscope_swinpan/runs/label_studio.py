"""Label Studio's tasks with predictions, and the label configuration of a project for them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from statistics import fmean
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..claims import read_claim
from ..coco.polygons import joined
from ..coco.writer import json_list
from ..files import is_url, write_atomic
from ..images.sources import is_data_url
from ..structures import Segment
from .brush import encode_brush
from .own_names import class_names
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries

TASKS, CONFIG = "tasks.json", "label-config.xml"
LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio's addresses of files on its own machine begin; a path below its document root follows."""


class LabelStudioSink(ShapesSink):
    """``tasks.json``, a task per image with the segments as a prediction, and ``label-config.xml`` for the project.

    Segments are brush strokes, which are exact, or polygons, whose parts are joined by cuts. The project has both
    tools, so that segments can be added with either.
    """

    name, exact = "labelstudio", "brush"
    files = (TASKS, CONFIG)

    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """What Label Studio calls a region's ``value``, without its label."""
        if self.kind == "brush":
            return {"format": "rle", "rle": encode_brush(mask)}
        height, width = mask.shape
        corners = joined(segment_polygons(segment, mask)) * (100 / width, 100 / height)  # percent
        return {"points": corners.round(4).tolist(), "closed": True}

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write both files. The predictions' ``model_version`` is that of ``run.json``."""
        names, version = class_names(categories), _model_version(folder)
        with json_list(folder / TASKS) as add:
            for entry in entries():
                data = {"image": _address(entry), "file_name": entry["name"], "image_id": entry["image_id"]}
                add({"data": data, "predictions": [self._prediction(entry, names, version)]})
        write_atomic(folder / CONFIG, _configuration(names, categories))

    def _prediction(self, entry: Mapping[str, Any], names: Mapping[int, str], version: str) -> dict[str, Any]:
        labels = f"{self.kind}labels"
        regions = [
            {
                "id": str(number),
                "type": labels,
                "from_name": self.kind,
                "to_name": "image",
                "original_width": entry["width"],
                "original_height": entry["height"],
                "image_rotation": 0,
                "score": segment["score"],
                "value": {**segment["shape"], labels: [names[segment["category_id"]]]},
            }
            for number, segment in enumerate(entry["segments"], start=1)
        ]
        score = {"score": fmean(region["score"] for region in regions)} if regions else {}
        return {"model_version": version, **score, "result": regions}


def _model_version(folder: Path) -> str:
    """A name for the model, by the digest of its weights that the run's folder has."""
    digest = (read_claim(folder) or {}).get("weights_sha256")
    return f"swinpan-{digest[:12]}" if isinstance(digest, str) else "swinpan"


def _address(entry: Mapping[str, Any]) -> str:
    source = entry["source"]
    if not isinstance(source, str):
        return str(entry["name"])
    if is_url(source) or is_data_url(source):
        return source
    path = PurePath(source)
    return LOCAL_FILES + quote(os.fsencode(path.relative_to(path.anchor).as_posix()))


def _configuration(names: Mapping[int, str], categories: Sequence[Category]) -> bytes:
    """A view with the image, a brush and a polygon for each class."""
    view = Element("View")
    SubElement(view, "Image", name="image", value="$image", zoom="true", zoomControl="true")
    for kind in ("Brush", "Polygon"):
        tool = SubElement(view, f"{kind}Labels", name=kind.lower(), toName="image")
        for category in categories:
            SubElement(tool, "Label", value=names[category.id], background=f"#{bytes(category.color).hex()}")
    indent(view)
    return bytes(tostring(view, encoding="utf-8")) + b"\n"
