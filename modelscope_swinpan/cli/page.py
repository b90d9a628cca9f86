"""A page of HTML in one file, which loads nothing from anywhere."""

from pathlib import Path
from typing import Any

from ..files import atomic


def write_page(path: Path, title: str, **content: Any) -> None:
    """Write a page to ``path``, whole or not at all.

    ``page.html`` shows the ``problems``, the ``datasets`` with their ``columns``, and the ``figures`` of ``content``.
    It takes and holds one figure at a time.

    Raises:
        OSError: it cannot be written.
    """
    from jinja2 import Environment

    template = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial, partial.open("wb") as file:
        page.stream(title=title, **content).dump(file, encoding="utf-8", errors="backslashreplace")
