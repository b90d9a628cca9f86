"""Write a card into a model directory."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checkpoints.inspection import inspect_checkpoint
from ..errors import ConfigError
from ..files import atomic
from .content import EVALUATION, README, Card, find_examples
from .figures import check_weights, published_json, read_report
from .render import render


def write_card(
    directory: Path,
    *,
    name: str,
    license: str,  # noqa: A002
    training_data: str,
    languages: Sequence[Any] = ("zh", "en"),
    metrics: Path | None = None,
    force: bool = False,
) -> Path:
    """Write README.md, and ``evaluation.json`` with ``metrics``, into a model directory.

    Pictures in the directory's folder ``examples`` become the examples on the hub's page.

    Args:
        directory: The model directory.
        name: OWNER/NAME on the hub.
        license: The licence of the weights, as a text.
        training_data: What the weights were trained on, in Markdown.
        languages: 'zh' and 'en', in order of appearance.
        metrics: A report of ``swinpan eval`` with the figures. By default the directory's ``evaluation.json``; without
            either, the card says that the model was not evaluated.
        force: Replace a README.md and an ``evaluation.json`` that are there.

    Returns:
        The path of the README.md.

    Raises:
        ConfigError: one of the files is there and not ``force``; a text is empty; a language is unknown; the report is
            none, or evaluates another model.
        CheckpointError: the weights are missing, damaged, unsafe, or of another model.
        OSError: a file cannot be written.
    """
    readme, evaluation = directory / README, directory / EVALUATION
    if readme.exists() and not force:
        raise ConfigError(f"{readme} exists. Replace it with --force, which loses changes made by hand.")
    if metrics and evaluation.exists() and not (force or evaluation.samefile(metrics)):
        raise ConfigError(f"{evaluation} exists. Replace it with --force, or leave --metrics out to use it.")
    source = metrics or (evaluation if evaluation.exists() else None)
    card = Card(
        name=name,
        license=license,
        training_data=training_data,
        languages=tuple(languages),
        model=inspect_checkpoint(directory),
        report=read_report(source) if source else None,
        examples=find_examples(directory),
    )
    if card.report is not None:
        check_weights(card.report, directory)
    with contextlib.ExitStack() as files:
        if metrics is not None:
            files.enter_context(atomic(evaluation)).write_bytes(published_json(metrics))
        files.enter_context(atomic(readme)).write_text(render(card), encoding="utf-8", newline="\n")
    return readme
