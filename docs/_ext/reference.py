"""What autodoc leaves to a reader of the reference: long defaults, fields that say nothing, and the texts of fields."""

import dataclasses
import re
from typing import Any

from sphinx.application import Sphinx

from modelscope_swinpan.categories import COCO_PANOPTIC

NAMELESS = "Alias for field number"
"""What Python says of each field of a named tuple. The docstring of the class describes them."""


def shorten(app: Sphinx, what: str, name: str, described: Any, options: Any, arguments: str, answer: str) -> Any:
    """A signature that names COCO's classes and functions, instead of their contents and addresses.

    Of a protocol, Python makes up the arguments: it has none.
    """
    if not arguments:
        return None
    if getattr(described, "_is_protocol", False):
        return "", answer
    arguments = arguments.replace(repr(COCO_PANOPTIC), "COCO_PANOPTIC")
    arguments = re.sub(r"<factory>|<function [\w.]*<lambda>( at \w+)?>", "...", arguments)
    return re.sub(r"<function ([\w.]+)( at \w+)?>", r"\1", arguments), answer


def describe_fields(app: Sphinx, what: str, name: str, described: Any, options: Any, lines: list[str]) -> None:
    """Add the texts that the fields of a dataclass have for the command line."""
    if what == "class" and dataclasses.is_dataclass(described):
        texts = {field.name: field.metadata.get("help") for field in dataclasses.fields(described)}
        lines.extend(f":param {field}: {text}" for field, text in texts.items() if text)


def skip(app: Sphinx, what: str, name: str, described: Any, omitted: bool, options: Any) -> bool | None:
    """Leave out fields that Python alone describes."""
    return True if (getattr(described, "__doc__", None) or "").startswith(NAMELESS) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-process-docstring", describe_fields)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
