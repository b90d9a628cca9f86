"""The forms of results: what a worker makes of one image, and the files that are made of all images at the end.

No more than some images' results are ever held.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..categories import Category
from ..coco.encoding import segment_entry
from ..coco.writer import category_entries
from ..files import atomic, file_stem
from ..inference.predictor import Result
from .inputs import Item
from .journal import json_list

Lines = Callable[[], Iterator[Mapping[str, Any]]]

PNGS = "panoptic"
"""The folder of the PNGs."""
ROWS = 256
"""Rows of a Parquet file that are held, and written together."""
ERROR = "error"
"""The only member of a line that tells why there is no result."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is to be kept of the image at ``index``: a JSON object, and perhaps a PNG."""

    index: int
    line: bytes
    png_name: str | None = None
    png: bytes | None = None
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of results.

    ``encode`` makes the record of a result, in any thread of any machine. ``finish`` writes ``files`` into a folder;
    the function that it gets goes through what the records' lines hold, without the failed ones.
    """

    files: tuple[str, ...]
    encode: Callable[[Item, Result], Record]
    finish: Callable[[Path, Lines, Sequence[Category]], None]


def _as_png(item: Item, result: Result) -> Record:
    """COCO's panoptic form. Names begin with the place among the inputs: none is met twice, or differs next time."""
    name = f"{item.index:08d}-{file_stem(item.name)}.png"
    annotation, pixels = result.to_panoptic().to_coco(item.image_id, name)
    height, width = result.shape
    image = {"id": item.image_id, "file_name": item.name, "height": height, "width": width}
    png = io.BytesIO()
    pixels.save(png, "PNG")
    line = _json({"image": image, "annotation": annotation})
    return Record(index=item.index, line=line, png_name=name, png=png.getvalue())


def _write_panoptic(folder: Path, lines: Lines, categories: Sequence[Category]) -> None:
    with atomic(folder / "panoptic.json") as partial, partial.open("w") as file:
        for key, member in (("images", "image"), ("annotations", "annotation")):
            file.write(f'{{"{key}": ' if key == "images" else f', "{key}": ')
            with json_list(file) as add:
                for line in lines():
                    add(line[member])
        file.write(', "categories": ' + json.dumps(category_entries(categories)) + "}")


def _as_row(item: Item, result: Result) -> Record:
    """One object with everything: the masks too, run-length encoded as COCO has it."""
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
    return Record(index=item.index, line=_json({**row, "segments_info": segments}))


def _write_lines(folder: Path, lines: Lines, categories: Sequence[Category]) -> None:
    with atomic(folder / "results.jsonl") as partial, partial.open("wb") as file:
        for line in lines():
            file.write(_json(line) + b"\n")


def _write_parquet(folder: Path, lines: Lines, categories: Sequence[Category]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    mask = pa.struct({"size": pa.list_(pa.int32()), "counts": pa.string()})
    segment = pa.struct(
        {
            "id": pa.int32(),
            "category_id": pa.int64(),
            "label": pa.string(),
            "isthing": pa.bool_(),
            "score": pa.float64(),
            "area": pa.int64(),
            "bbox": pa.list_(pa.int32()),
            "segmentation": mask,
        }
    )
    numbers = {"image_id": pa.int64(), "file_name": pa.string(), "height": pa.int32(), "width": pa.int32()}
    schema = pa.schema({**numbers, "segments_info": pa.list_(segment)})
    rows = lines()
    with atomic(folder / "results.parquet") as partial, parquet.ParquetWriter(partial, schema) as writer:
        while group := list(islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def failure(item: Item, reason: str) -> Record:
    """The record of an image without a result. The list of them, with its ``image``, can be given as inputs again."""
    error = {"image": item.source, "image_id": item.image_id, "file_name": item.name, "error": reason}
    return Record(index=item.index, line=_json({ERROR: error}), failed=True)


FORMS: Mapping[str, Form] = {
    "coco": Form(files=("panoptic.json", PNGS), encode=_as_png, finish=_write_panoptic),
    "rle": Form(files=("results.jsonl",), encode=_as_row, finish=_write_lines),
    "parquet": Form(files=("results.parquet",), encode=_as_row, finish=_write_parquet),
}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
