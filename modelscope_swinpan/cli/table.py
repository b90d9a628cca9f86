"""The table of segments that ``swinpan predict`` and ``swinpan demo`` print for every image: a sink of the one run."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from ..inference.predictor import Pixels, Result
from ..runs.inputs import Item
from ..runs.sinks import Encoded, Sink
from .console import complain, show_table


class TableSink(Sink):
    """Prints a table for every image, and one line for every image without a result."""

    name = "table"
    live = True

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The cells of the image's table."""
        height, width = result.shape
        rows = [
            (
                segment.label,
                "thing" if segment.isthing else "stuff",
                f"{segment.score:.3f}",
                f"{segment.area / (width * height):.1%}",
                " ".join(map(str, segment.box)),
            )
            for segment in result.segments
        ]
        return Encoded({"title": f"{item.name} ({width} × {height} pixels)", "rows": rows})

    def kept(self, entry: Mapping[str, Any]) -> None:
        """Print an image's table."""
        table = Table("label", "kind", title=Text(entry["title"]), title_justify="left")
        table.add_column("score", justify="right")
        table.add_column("area", justify="right")
        table.add_column("box x1 y1 x2 y2", justify="right", no_wrap=True)
        for label, *cells in entry["rows"]:
            table.add_row(Text(label), *cells)
        if not entry["rows"]:
            table.caption = "Nothing was found."
        show_table(table)

    def failed(self, error: Mapping[str, Any]) -> None:
        """Say why an image has no result."""
        name, reason = error["file_name"], error["error"]
        complain(reason if name in reason else f"{name}: {reason}")
