"""CVAT's annotations, "CVAT for images 1.1"."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..files import atomic
from ..structures import Segment
from .own_names import UNWRITABLE, class_names
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries


class CvatSink(ShapesSink):
    """``annotations.xml``: masks, which are exact, or polygons.

    The polygons of one segment's parts have one ``group_id``.
    """

    name = "cvat"
    files = ("annotations.xml",)

    def shape(self, segment: Segment, mask: npt.NDArray[np.bool_]) -> Any:
        """The attributes of each XML element that describes the segment."""
        if self.kind == "polygon":
            parts = [part.tolist() for part in segment_polygons(segment, mask)]
            return [{"points": ";".join(f"{x:.2f},{y:.2f}" for x, y in part)} for part in parts]
        x1, y1, x2, y2 = segment.box
        runs = ", ".join(map(str, _runs(mask[y1:y2, x1:x2]).tolist()))
        return [{"rle": runs, "left": x1, "top": y1, "width": x2 - x1, "height": y2 - y1}]

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``annotations.xml``; images are numbered from 0, and CVAT knows them by their names."""
        names = class_names(categories)
        with atomic(folder / self.files[0]) as partial, partial.open("w", encoding="utf-8") as file:
            xml = XMLGenerator(file, "utf-8")
            xml.startDocument()
            with _element(xml, "annotations"):
                _text(xml, "version", "1.1")
                self._write_meta(xml, names, categories, sum(1 for _ in entries()))
                for index, entry in enumerate(entries()):
                    size = {"width": entry["width"], "height": entry["height"]}
                    with _element(xml, "image", id=index, name=entry["name"], **size):
                        self._write_shapes(xml, entry, names)
            xml.endDocument()

    def _write_meta(
        self, xml: XMLGenerator, names: Mapping[int, str], categories: Sequence[Category], images: int
    ) -> None:
        with _element(xml, "meta"), _element(xml, "task"):
            _text(xml, "size", images)
            _text(xml, "mode", "annotation")
            with _element(xml, "labels"):
                for category in categories:
                    with _element(xml, "label"):
                        _text(xml, "name", names[category.id])
                        _text(xml, "color", f"#{bytes(category.color).hex()}")
                        _text(xml, "type", self.kind)

    def _write_shapes(self, xml: XMLGenerator, entry: Mapping[str, Any], names: Mapping[int, str]) -> None:
        for number, segment in enumerate(entry["segments"], start=1):
            group = {"group_id": number} if len(segment["shape"]) > 1 else {}
            for shape in segment["shape"]:
                given = {"label": names[segment["category_id"]], "source": "auto", "occluded": 0, **shape}
                with _element(xml, self.kind, **given, z_order=0, **group):
                    pass


@contextmanager
def _element(xml: XMLGenerator, tag: str, **attributes: Any) -> Iterator[None]:
    """An XML element. Characters that XML cannot hold become ``_``."""
    xml.startElement(tag, AttributesImpl({name: UNWRITABLE.sub("_", str(value)) for name, value in attributes.items()}))
    yield
    xml.endElement(tag)
    xml.characters("\n")


def _text(xml: XMLGenerator, tag: str, text: object) -> None:
    with _element(xml, tag):
        xml.characters(str(text))


def _runs(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Lengths of the runs along the rows, by turns without and within the mask; the first may be 0."""
    pixels = mask.reshape(-1)
    bounds = np.flatnonzero(np.diff(pixels, prepend=False))
    return np.diff(np.concatenate([[0], bounds, [pixels.size]]))
