"""The package's own output formats: sinks, and ways to put masks into the pipeline's answer.

:mod:`.registry` lists them.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..categories import Category
from ..coco.encoding import colors_from_ids, segment_entry
from ..coco.writer import json_list, write_panoptic_json
from ..files import atomic
from ..images.encode import encode_png
from ..inference.predictor import Pixels, Result
from .inputs import Item
from .sinks import Encoded, Entries, Sink, compact

ROWS = 256
"""Rows of a Parquet file that are held, and written together."""


class CocoPanopticSink(Sink):
    """COCO's panoptic format: ``panoptic.json``, and a PNG per image in ``panoptic``.

    ``ids`` gives other ids for those of the categories. Segments of categories that it lacks are left out, as void.
    """

    name = "coco"
    files = ("panoptic.json", "panoptic")

    def __init__(self, ids: Mapping[int, int] | None = None) -> None:
        self._ids = ids

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's items of ``images`` and ``annotations``, and its PNG."""
        annotation, picture = result.to_panoptic().of_categories(self._ids).to_coco(item.image_id, f"{item.stem}.png")
        if self._ids is not None:
            for segment in annotation["segments_info"]:
                segment["category_id"] = self._ids[segment["category_id"]]
        height, width = result.shape
        image = {"id": item.image_id, "file_name": item.name, "height": height, "width": width}
        png = encode_png(picture)
        return Encoded({"image": image, "annotation": annotation}, {f"panoptic/{item.stem}.png": png})

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``panoptic.json``."""
        if self._ids is not None:
            categories = [replace(one, id=self._ids[one.id]) for one in categories if one.id in self._ids]
        images = (entry["image"] for entry in entries())
        annotations = (entry["annotation"] for entry in entries())
        write_panoptic_json(folder / "panoptic.json", images, annotations, categories)


class ResultsSink(Sink):
    """COCO's result format: ``instances.json`` lists every segment with box, score and run-length encoded mask."""

    name = "coco-results"
    files = ("instances.json",)

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's items."""
        return Encoded(result.result_entries(item.image_id))

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``instances.json``."""
        with json_list(folder / "instances.json") as add:
            for entry in entries():
                for item in entry:
                    add(item)


class OverlaysSink(Sink):
    """A picture per image in ``overlays``: the photo under its segments, with outlines and labels."""

    name = "overlays"
    files = ("overlays",)

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's picture."""
        overlay = result.to_pil(Image.fromarray(pixels))
        return Encoded(files={f"overlays/{item.stem}.png": encode_png(overlay)})


class RowSink(Sink):
    """One object per image with everything in it, masks as COCO's compressed run-length encoding."""

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's row."""
        height, width = result.shape
        segments = [
            {
                "id": number,
                **segment_entry(segment),
                "label": segment.label,
                "isthing": segment.isthing,
                "area": segment.area,
                "segmentation": mask,
            }
            for number, (segment, mask) in enumerate(zip(result.segments, result.to_rle(), strict=True), start=1)
        ]
        row = {"image_id": item.image_id, "file_name": item.name, "height": height, "width": width}
        return Encoded({**row, "segments_info": segments})


class LinesSink(RowSink):
    """Rows as JSON lines, in ``results.jsonl``."""

    name = "rle"
    files = ("results.jsonl",)

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``results.jsonl``."""
        with atomic(folder / "results.jsonl") as partial, partial.open("wb") as file:
            for row in entries():
                file.write(compact(row) + b"\n")


class ParquetSink(RowSink):
    """Rows as a table, in ``results.parquet``."""

    name = "parquet"
    files = ("results.parquet",)

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``results.parquet``, :data:`ROWS` rows at a time."""
        import pyarrow as pa
        from pyarrow import parquet

        segment = pa.struct(
            {
                "id": pa.int32(),
                "category_id": pa.int64(),
                "label": pa.string(),
                "isthing": pa.bool_(),
                "score": pa.float64(),
                "area": pa.int64(),
                "bbox": pa.list_(pa.int32()),
                "segmentation": pa.struct({"size": pa.list_(pa.int32()), "counts": pa.string()}),
            }
        )
        numbers = {"image_id": pa.int64(), "file_name": pa.string(), "height": pa.int32(), "width": pa.int32()}
        schema = pa.schema({**numbers, "segments_info": pa.list_(segment)})
        rows = entries()
        file = folder / "results.parquet"
        with atomic(file) as partial, partial.open("wb") as out, parquet.ParquetWriter(out, schema) as writer:
            while group := list(islice(rows, ROWS)):
                writer.write_table(pa.Table.from_pylist(group, schema))


def masks_as_list(result: Result) -> dict[str, Any]:
    """``masks``: a list of (H, W) int32 arrays of 0 and 1, as upstream's; ``panoptic_seg`` (H, W) int32."""
    return {
        "masks": [result.mask(segment).astype(np.int32) for segment in result.segments],
        "panoptic_seg": result.to_panoptic().panoptic_seg,
    }


def masks_as_rle(result: Result) -> dict[str, Any]:
    """``masks``: a list of COCO's compressed run-length encodings, ``{'size': [H, W], 'counts': str}``."""
    return {"masks": result.to_rle()}


def masks_as_png(result: Result) -> dict[str, Any]:
    """``panoptic_png``: the ids of ``panoptic_seg`` as an RGB PNG in COCO's coding (R + 256 G + 256² B), in base64."""
    png = encode_png(colors_from_ids(result.to_panoptic().panoptic_seg))
    return {"panoptic_png": base64.b64encode(png).decode("ascii")}
