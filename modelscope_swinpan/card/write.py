"""Writing a card into a model directory."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checkpoints.inspection import inspect_checkpoint
from ..errors import ConfigError
from ..files import atomic
from .facts import EVALUATION, README, Card, find_examples
from .figures import check_weights, kept, read_report
from .text import is_untouched, render


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
    """Write README.md into a model directory, and beside it ``evaluation.json``, and return its path.

    ``name`` is the hub id, OWNER/NAME; ``license`` and ``training_data`` are told as they are given. Figures come from
    ``metrics``, a report of ``swinpan eval``, or else from the ``evaluation.json`` that is there; without either the
    card says that there are none. Pictures in ``examples`` become the widget's.

    Raises:
        ConfigError: a text that says nothing, an unknown language, no report or one of another model; or the README.md
            that is there was changed by hand, or not written by this function, and not ``force``.
        CheckpointError: the weights are missing, damaged, unsafe, or of another model.
        OSError: a file cannot be written.
    """
    readme, evaluation = directory / README, directory / EVALUATION
    if not force and readme.exists() and not is_untouched(readme.read_text(encoding="utf-8", errors="replace")):
        raise ConfigError(f"{readme} was changed by hand, or is not ours. Keep it, or replace it with --force.")
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
            files.enter_context(atomic(evaluation)).write_bytes(kept(metrics))
        files.enter_context(atomic(readme)).write_text(render(card), encoding="utf-8", newline="\n")
    return readme
