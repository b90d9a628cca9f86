"""CVAT's annotations, "CVAT for images 1.1"."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment

from ..categories import Category
from ..files import atomic
from ..structures import Segment
from .own_names import UNWRITABLE, class_names
from .shapes import ShapesSink, segment_polygons
from .sinks import Entries

_XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><size>{{ size }}</size>
<mode>annotation</mode>
<labels>
{% for category in categories %}
<label><name>{{ names[category.id] }}</name>
<color>#{% for value in category.color %}{{ "%02x" % value }}{% endfor %}</color>
<type>{{ kind }}</type>
</label>
{% endfor %}
</labels>
</task>
</meta>
{% for entry in entries() %}
<image id="{{ loop.index0 }}" name="{{ entry.name|writable }}" width="{{ entry.width }}" height="{{ entry.height }}">
{% for segment in entry.segments %}
{% set parts, number = segment.shape, loop.index %}
{% for part in parts %}
<{{ kind }} label="{{ names[segment.category_id] }}" source="auto" occluded="0"{{ part|xmlattr }} z_order="0"
{%- if parts|length > 1 %} group_id="{{ number }}"{% endif %}></{{ kind }}>
{% endfor %}
{% endfor %}
</image>
{% endfor %}
</annotations>
"""


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
        environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
        environment.filters["writable"] = _writable
        pieces = environment.from_string(_XML).stream(
            kind=self.kind,
            categories=categories,
            names=class_names(categories),
            size=sum(1 for _ in entries()),
            entries=entries,
        )
        with atomic(folder / self.files[0]) as partial, partial.open("wb") as file:
            pieces.dump(file, encoding="utf-8")


def _writable(name: str) -> str:
    """A photo's name with escapes for the characters that XML cannot hold, so that no two names become one."""
    return UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", name)


def _runs(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Lengths of the runs along the rows, by turns outside and inside the mask; the first may be 0."""
    pixels = mask.reshape(-1)
    bounds = np.flatnonzero(np.diff(pixels, prepend=False))
    return np.diff(np.concatenate([[0], bounds, [pixels.size]]))
