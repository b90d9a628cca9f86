"""Checks built pages as a browser without the network would meet them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser fetches by itself, by the attribute with its address."""
IN_STYLES = re.compile(r"""(?:@import\s+|url\()\s*["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """The anchors of a page, where it leads, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element adds."""
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if address := given.get(LOADED.get(tag, "")):
            self.loaded.append(address)


def problems(folder: Path) -> list[str]:
    """What is wrong with the pages below a folder, a line each."""
    files = [file for file in sorted(folder.rglob("*.html")) if "_static" not in file.parts]  # the theme's templates
    pages = {file.resolve(): Page(file) for file in files}
    found = [f"{file}: {said}" for file, page in pages.items() for said in _of_page(file, page, pages)]
    for sheet in sorted(folder.rglob("*.css")):
        found += [f"{sheet}: loads {url}" for url in IN_STYLES.findall(sheet.read_text(encoding="utf-8"))]
    return found


def _of_page(file: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for address in page.loaded + page.links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if address in page.loaded and parts.scheme != "data":
                yield f"loads {address}"
            continue
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if not target.is_file():
            yield f"{address} leads nowhere"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{address}: the page has no such anchor"
