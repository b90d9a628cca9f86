"""Makes Sphinx's table of contents from the lists of ``index.md``, which are also what GitHub shows.

Each heading of the second level with a list of pages becomes a part of it.
"""

import re

from sphinx.application import Sphinx

SECTION = re.compile(r"^## (?P<caption>.+)\n(?P<body>(?:(?!^## ).*\n?)*)", re.MULTILINE)
ENTRY = re.compile(r"^- \[(?P<title>[^]]+)\]\((?P<page>[\w/-]+)\.(?:md|ipynb)\)", re.MULTILINE)


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Append one hidden ``toctree`` for each part to the text of the first page."""
    if page != "index":
        return
    for section in SECTION.finditer(source[0]):
        pages = [name for _, name in ENTRY.findall(section["body"]) if name in app.env.found_docs]
        if pages:
            options = f":hidden:\n:caption: {section['caption']}\n"
            source[0] += "\n```{toctree}\n" + options + "\n" + "\n".join(pages) + "\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
