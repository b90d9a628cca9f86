"""A card's head, as the hub reads it, and its body, as people and the hub's quick start do."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoints.files.source import inside
from ..errors import ImageError
from ..evaluation.report import Report
from ..images.decode import decode_image
from .facts import EVALUATION, README
from .front_matter import IN_REPOSITORY, TASK, indexing
from .phrases import QUICK_START
from .problem import Problem

REQUIRED: Mapping[str, type] = {
    "tasks": list,
    "widgets": list,
    "domain": list,
    "frameworks": list,
    "license": str,
}
OPTIONAL: Mapping[str, type] = {
    "backbone": list,
    "customized-quickstart": bool,
    "datasets": dict,
    "finetune-support": bool,
    "language": list,
    "metrics": list,
    "model-type": list,
    "tags": list,
}
"""Entries that the hub reads, and what it takes them for."""
WORDS = {list: "a list", str: "a text", bool: "true or false", dict: "a mapping"}

PLUGIN = "modelscope_swinpan"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUICK = re.compile(rf"^#### {QUICK_START}[ \t]*\n(?:(?!#)[^\n]*\n)*?```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def check_head(head: Mapping[str, Any], directory: Path, report: Report | None) -> Iterator[Problem]:
    """Problems of a card's head, whose figures are to be those of ``report``."""
    for name, kind in {**REQUIRED, **OPTIONAL}.items():
        value = head.get(name)
        if (name in head and type(value) is not kind) or (name in REQUIRED and not value):
            yield Problem(README, f"{name} in its head must be {WORDS[kind]}, not empty; found {value!r:.200}.")
    if TASK not in _list(head, "tasks"):
        yield Problem(README, f"tasks in its head lacks {TASK!r}, by which the hub knows the task; add it.")
    for number, widget in enumerate(_list(head, "widgets"), start=1):
        yield from _check_widget(widget, f"widget {number}", directory)
    yield from _check_figures(head, report)


def check_body(body: str, report: Report | None, name: str | None) -> Iterator[Problem]:
    """Problems of a card's text, which is to load the model by the hub's ``name`` where that is given."""
    blocks = PYTHON.findall(body)
    for number, block in enumerate(blocks, start=1):
        if isinstance(found := _parse(block), str):
            yield Problem(README, f"Python block {number} is no Python ({found}); mend it.")
    quick_start = QUICK.search(body)
    if quick_start is None:
        yield Problem(README, f"has no ```python block under '#### {QUICK_START}', the hub's quick start; add one.")
    else:
        yield from _check_quick_start(quick_start[1], name)
    if f"pip install {PLUGIN}" not in body:
        yield Problem(README, f"does not say that the model needs a plugin; name it: pip install {PLUGIN}.")
    if report is not None and report.table() not in body:
        yield Problem(README, f"has not the tables of {EVALUATION}; write the card again, or copy them from a new one.")


def _check_quick_start(code: str, name: str | None) -> Iterator[Problem]:
    tree = _parse(code)
    if isinstance(tree, str):
        return  # a problem of every block
    nodes = list(ast.walk(tree))
    if not any(isinstance(node, ast.Import) and PLUGIN in {alias.name for alias in node.names} for node in nodes):
        yield Problem(README, f"its quick start lacks the line 'import {PLUGIN}'; add it on top.")
    keywords = [keyword for node in nodes if isinstance(node, ast.Call) for keyword in node.keywords]
    models = [keyword.value for keyword in keywords if keyword.arg == "model"]
    loaded = [model.value for model in models if isinstance(model, ast.Constant)]
    if name is not None and name not in loaded:
        found = ", ".join(map(repr, loaded)) or "no model"
        yield Problem(README, f"its quick start loads {found}, not {name!r}; write the card for that name.")


def _parse(code: str) -> ast.Module | str:
    """The program, or what keeps it from being one."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)


def _check_widget(widget: Any, where: str, directory: Path) -> Iterator[Problem]:
    if not isinstance(widget, dict) or widget.get("task") != TASK:
        yield Problem(README, f"{where} in its head must be a mapping with task: {TASK}.")
        return
    if "image" not in [entry.get("type") for entry in _mappings(widget, "inputs")]:
        yield Problem(README, f"{where} in its head has no input of type image; add it.")
    pictures = [
        entry.get("data") for example in _mappings(widget, "examples") for entry in _mappings(example, "inputs")
    ]
    if not pictures:
        yield Problem(README, f"{where} in its head has no example to try; add one, as swinpan card writes them.")
    for picture in pictures:
        if (reason := _unusable(picture, directory)) is not None:
            yield Problem(README, f"{where} in its head: example {picture!r:.200} {reason}.")


def _unusable(picture: Any, directory: Path) -> str | None:
    """Why the hub cannot show an example."""
    if not isinstance(picture, str):
        return f"must be an address, or {IN_REPOSITORY} and a path"
    if picture.startswith(("http://", "https://")):
        return None
    path = inside(directory, picture.removeprefix(IN_REPOSITORY)) if picture.startswith(IN_REPOSITORY) else None
    if path is None:
        return f"must be an https address, or {IN_REPOSITORY} and the path of a picture in the directory"
    try:
        decode_image(path)
    except ImageError as error:
        return f"cannot be shown: {error}"
    return None


def _check_figures(head: Mapping[str, Any], report: Report | None) -> Iterator[Problem]:
    if report is None:
        if "indexing" in head:
            yield Problem(
                README,
                f"indexing in its head has figures, but there is no {EVALUATION} that they are from; take them out, or "
                "give the report to swinpan card --metrics.",
            )
        return
    found, expected = head.get("indexing"), indexing(report)
    if found != expected:
        told, right = _figures(found), _figures(expected)
        wrong = [
            f"{name} {told.get(name)} for {right.get(name)}"
            for name in right | told
            if told.get(name) != right.get(name)
        ]
        yield Problem(
            README,
            f"indexing in its head is not what {EVALUATION} says ({', '.join(wrong) or 'another dataset or form'}); "
            "write the card again.",
        )


def _figures(found: Any) -> dict[str, Any]:
    """The figures in ``indexing``, by name."""
    results = _mappings(found, "results")
    return {
        str(metric.get("type")): metric.get("value") for result in results for metric in _mappings(result, "metrics")
    }


def _list(head: Any, name: str) -> list[Any]:
    value = head.get(name) if isinstance(head, dict) else None
    return value if isinstance(value, list) else []


def _mappings(head: Any, name: str) -> list[dict[str, Any]]:
    return [entry for entry in _list(head, name) if isinstance(entry, dict)]
