"""Check a card: its head, as the hub reads it, and the two names that a reader needs in its text."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checkpoints.files.source import inside
from ..errors import ConfigError, ImageError
from ..evaluation.report import Report
from ..images.decode import decode_image
from .check_files import Problem
from .content import EVALUATION, README
from .front_matter import IN_REPOSITORY, TASK, indexing, split

LISTS = ("tasks", "widgets", "domain", "frameworks")
"""Entries of the head that the hub needs, besides the licence."""
PLUGIN = "modelscope_swinpan"


def check_readme(directory: Path, report: Report | None, name: str | None) -> list[Problem]:
    """Check the README.md of a model directory.

    Args:
        directory: The model directory.
        report: The evaluation, which the figures in the head must match.
        name: OWNER/NAME on the hub, which the text must contain.
    """
    path = directory / README
    if not path.is_file():
        return [Problem(README, "is missing; write it with swinpan card.")]
    try:
        head, body = split(path.read_text(encoding="utf-8-sig"))
    except (ConfigError, UnicodeDecodeError) as error:
        return [Problem(README, f"{error}; correct it, or replace it with swinpan card --force.")]
    problems = [*check_head(head, directory, report)]
    if PLUGIN not in body:
        problems.append(Problem(README, f"does not say that the model needs a plugin: pip install {PLUGIN}."))
    if name is not None and name not in body:
        problems.append(Problem(README, f"does not load the model as {name!r}; write the card for that name."))
    return problems


def check_head(head: Mapping[str, Any], directory: Path, report: Report | None) -> Iterator[Problem]:
    """Check a card's head: required entries, the task, examples, and that the figures are those of ``report``."""
    for name in LISTS:
        if not _list(head, name):
            yield Problem(README, f"{name} in its head must be a list, not empty; found {head.get(name)!r:.200}.")
    if not isinstance(head.get("license"), str) or not head["license"].strip():
        yield Problem(README, f"license in its head must be a text, not empty; found {head.get('license')!r:.200}.")
    if TASK not in _list(head, "tasks"):
        yield Problem(README, f"tasks in its head must contain {TASK!r}, by which the hub finds the task.")
    for number, widget in enumerate(_list(head, "widgets"), start=1):
        for message in _widget_problems(widget, directory):
            yield Problem(README, f"widget {number} in its head {message}.")
    if report is None and "indexing" in head:
        yield Problem(
            README,
            f"indexing in its head has figures, but there is no {EVALUATION} with them; remove them, or give a report "
            "to swinpan card --metrics.",
        )
    if report is not None and head.get("indexing") != indexing(report):
        yield Problem(
            README, f"indexing in its head does not match {EVALUATION}; write the card again with swinpan card --force."
        )


def _widget_problems(widget: Any, directory: Path) -> Iterator[str]:
    if not isinstance(widget, dict) or widget.get("task") != TASK:
        yield f"must be a mapping with task: {TASK}"
        return
    if "image" not in [entry.get("type") for entry in _mappings(widget, "inputs")]:
        yield "needs an input of type image"
    pictures = [
        entry.get("data") for example in _mappings(widget, "examples") for entry in _mappings(example, "inputs")
    ]
    if not pictures:
        yield "needs an example to try, as swinpan card writes them"
    for picture in pictures:
        if (reason := _unusable(picture, directory)) is not None:
            yield f"has the example {picture!r:.200}, which {reason}"


def _unusable(picture: Any, directory: Path) -> str | None:
    """The reason why the hub cannot show an example, if any."""
    if isinstance(picture, str) and picture.startswith(("http://", "https://")):
        return None
    in_repository = isinstance(picture, str) and picture.startswith(IN_REPOSITORY)
    path = inside(directory, picture.removeprefix(IN_REPOSITORY)) if in_repository else None
    if path is None:
        return f"must be an https address, or {IN_REPOSITORY} and the path of a picture in the directory"
    try:
        decode_image(path)
    except ImageError as error:
        return f"cannot be shown ({error})"
    return None


def _list(head: Any, name: str) -> list[Any]:
    value = head.get(name) if isinstance(head, dict) else None
    return value if isinstance(value, list) else []


def _mappings(head: Any, name: str) -> list[dict[str, Any]]:
    return [entry for entry in _list(head, name) if isinstance(entry, dict)]
