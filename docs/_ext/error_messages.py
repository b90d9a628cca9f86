"""The directive ``{error-messages}``: every message of the package's own errors, read from its source."""

import ast
from collections import defaultdict
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from modelscope_swinpan import claims, errors

PACKAGE = Path(__file__).parents[2] / "modelscope_swinpan"
KINDS = {name for module in (errors, claims) for name in vars(module) if name.endswith("Error")}
GAP = "…"


def text(node: ast.expr) -> str:
    """What an expression says; where a value is put in, there is a gap."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text(node.left) + text(node.right)
    return GAP


def error_messages() -> dict[str, list[str]]:
    """The messages by the kind of error, sorted as a reader looks for them: past the gap at their beginning."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                message = " ".join(text(node.args[0]).split()) if node.args else ""
                if any(letter.isalpha() for letter in message):
                    found[node.func.id].add(message)
    return {kind: sorted(found[kind], key=lambda said: said.strip(f"{GAP}:. ").lower()) for kind in sorted(found)}


class ErrorMessages(SphinxDirective):
    """A list of the messages for each kind of error."""

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx where the directive stands."""
        made: list[nodes.Node] = []
        for kind, messages in error_messages().items():
            entries = [nodes.list_item("", nodes.paragraph("", "", nodes.literal("", said))) for said in messages]
            made += [nodes.rubric("", kind), nodes.bullet_list("", *entries, classes=["messages"])]
        return made


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("error-messages", ErrorMessages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
