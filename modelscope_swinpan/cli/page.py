"""A page of HTML in one file, which loads nothing from anywhere."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

from ..files import atomic

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem }}
body {{ overflow-wrap: anywhere }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ border-bottom: 1px solid #8884; overflow-wrap: normal; padding: .2rem .8rem; text-align: right }}
th:first-child, td:first-child {{ max-width: 20rem; min-width: 8rem; overflow-wrap: break-word; text-align: left }}
main {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)) }}
figure {{ margin: 0 }}
figure img {{ width: 100% }}
figcaption {{ font-size: 13px }}
.wrong {{ color: #c33 }}
</style>
</head>
<body>
<h1>{title}</h1>
"""


@contextmanager
def page(path: Path, title: str) -> Iterator[Callable[[str], object]]:
    """Write a page to ``path``, whole or not at all: gives a function that adds HTML.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(_HEAD.format(title=escape(title)))
        yield file.write
        file.write("</body>\n</html>\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of texts and numbers."""
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    return '<div class="scroll"><table>\n' + "".join(lines) + "</table></div>\n"


def bullets(lines: Iterable[str], css_class: str = "") -> str:
    """A list of texts."""
    return f'<ul class="{css_class}">\n' + "".join(f"<li>{escape(line)}</li>\n" for line in lines) + "</ul>\n"


def _row(tag: str, cells: Iterable[object]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>\n"
