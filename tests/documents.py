"""A document in Markdown or a notebook, taken apart: its blocks, and what each of them holds."""

import dataclasses
import json
import posixpath
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark").enable("table")
LEAVES = {"heading_open": "heading", "paragraph_open": "paragraph", "th_open": "cell", "td_open": "cell"}
COMMENT = re.compile(r"^#.*|\s+#\s.*")
REMARK = re.compile(r"\s{2,}\S.*")


@dataclasses.dataclass(frozen=True)
class Block:
    """A heading, paragraph, list item, cell of a table, or piece of code. A table's rows are blocks as well."""

    kind: str
    line: int
    words: str = ""
    """As a reader sees it, code between backticks."""
    code: str = ""
    """Of a piece of code; without comments, and in drawings (``text``) without what stands two spaces apart."""
    codes: tuple[str, ...] = ()
    """Code within the words."""
    images: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Document:
    """A file below ``root``. Links and images are relative to ``root``."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        text = (root / name).read_text(encoding="utf-8")
        text = _markdown(json.loads(text)) if name.endswith(".ipynb") else text
        self.blocks = list(_blocks(MARKDOWN.parse(text), self._target))

    @cached_property
    def anchors(self) -> list[str]:
        """The anchors of the headings, as GitHub and MyST make them."""
        found: list[str] = []
        for words in (block.words for block in self.blocks if block.kind.startswith("h")):
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
        return found

    def _target(self, address: str) -> str:
        if re.match(r"[a-z]+:", address):
            return address
        path, _, anchor = unquote(address).partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), path)) if path else self.name
        return f"{page}#{anchor}" if anchor else page


def _markdown(notebook: dict[str, Any]) -> str:
    """Its cells, those of code as pieces of code."""
    texts = [("".join(cell["source"]), cell["cell_type"] == "code") for cell in notebook["cells"]]
    return "\n\n".join(f"```python\n{text}\n```" if code else text for text, code in texts)


def _blocks(tokens: list[Token], target) -> Iterator[Block]:
    kind, line = "", 0
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        if token.type == "inline":
            yield _inline(kind, line, token.children or [], target)
        elif token.type == "heading_open":
            kind = f"h{token.tag[1:]}"
        elif token.type in LEAVES:
            kind = LEAVES[token.type]
        elif token.type in ("list_item_open", "tr_open"):
            yield Block({"list_item_open": "item", "tr_open": "row"}[token.type], line)
        elif token.type == "fence":
            outside = REMARK if token.info == "text" else COMMENT
            lines = [outside.sub("", code) for code in token.content.splitlines()]
            yield Block(f"code {token.info}".strip(), line, code="\n".join(lines))
        elif token.type in ("html_block", "code_block"):
            yield Block(token.type, line, code=token.content)


def _inline(kind: str, line: int, tokens: list[Token], target) -> Block:
    words, codes, images, links = [], [], [], []
    for token in tokens:
        if token.type == "code_inline":
            codes.append(token.content)
            words.append(f"`{token.content}`")
        elif token.type == "image":
            images.append(target(str(token.attrs["src"])))
            words.append(token.content)
        elif token.type == "link_open":
            links.append(target(str(token.attrs["href"])))
        else:
            words.append("\n" if token.type == "softbreak" else token.content)
    return Block(kind, line, "".join(words), "", tuple(codes), tuple(images), tuple(links))
