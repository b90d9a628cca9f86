"""YOLO's segmentation labels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..coco.polygons import joined
from ..files import write_atomic
from ..structures import Segment
from .own_names import class_names, with_own_files
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries


class YoloSink(ShapesSink):
    """A text per image in ``labels``, named like the photo, with a line per segment: its class and its polygon.

    Classes are numbers, lines of ``classes.txt`` from 0 on; ``data.yaml`` lists them, too. Corners are parts of the
    photo's width and height. The parts of a segment are joined by cuts, as a line is one instance.
    """

    name = "yolo"
    files = ("labels", "classes.txt", "data.yaml")

    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """The polygon, and the class's number."""
        height, width = mask.shape
        corners = joined(segment_polygons(segment, mask)) / (width, height)
        return f"{segment.label_id} " + " ".join(f"{value:.6g}" for value in corners.reshape(-1))

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write the texts, ``classes.txt`` and ``data.yaml``."""
        for path, entry in with_own_files(entries(), folder / "labels", ".txt"):
            write_atomic(path, "".join(f"{segment['shape']}\n" for segment in entry["segments"]).encode())
        names = list(class_names(categories).values())
        write_atomic(folder / "classes.txt", "".join(f"{name}\n" for name in names).encode())
        # JSON's texts are texts of YAML as well
        listed = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in enumerate(names))
        write_atomic(folder / "data.yaml", f"path: .\ntrain: images\nnames:\n{listed}".encode())
