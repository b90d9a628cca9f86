"""Tells the templates where a page's twin in the other language is, if it has one, and the theme some Chinese."""

import posixpath
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.locale import _ as gettext

DOCS = Path(__file__).parents[1]
WITHOUT_SOURCE = ("genindex", "search")
"""Pages that Sphinx makes in either language."""
MISSING = {"Color mode": "配色", "System Settings": "跟随系统"}
"""Words of the theme that its own translation lacks."""


def twin(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Set ``twin`` to the relative address of the same page in the other language, or to an empty text.

    ``twin_language`` is that language, as HTML calls it.
    """
    chinese = app.config.language == "zh_CN"
    other = DOCS if chinese else DOCS / "zh"
    there = f"{page}.html" if chinese else f"zh/{page}.html"
    here = f"zh/{page}" if chinese else page
    exists = page in WITHOUT_SOURCE or any((other / f"{page}{suffix}").is_file() for suffix in (".md", ".ipynb"))
    context["twin"] = posixpath.relpath(there, posixpath.dirname(here) or ".") if exists else ""
    context["twin_language"] = "en" if chinese else "zh-CN"
    if chinese:
        context["_"] = lambda words: MISSING.get(words) or gettext(words)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", twin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
