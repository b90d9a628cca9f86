"""The checkpoint of a run: all that is needed to go on as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, TrainingError
from ..files import atomic

CHECKPOINT = "checkpoint.pt"
FREE = ("workers", "log_every", "checkpoint_every", "evaluate_every")
"""Options that may change when a run goes on: they do not change its result."""


@dataclass(frozen=True, kw_only=True)
class State:
    """``step`` steps are done, ``skipped`` of them for nothing. ``options`` are those of the run, by name.

    Randomness and the place in the data follow from the step.
    """

    step: int
    skipped: int
    options: Mapping[str, Any]
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    ema: Mapping[str, Any] | None


def write_state(state: State, folder: Path) -> None:
    """Write it whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic(folder / CHECKPOINT) as partial:
        try:
            torch.save(dict(vars(state)), partial)
        except RuntimeError as error:  # what PyTorch makes of a full disk
            raise OSError(f"Cannot write {folder / CHECKPOINT}: {str(error).splitlines()[0]}") from None


def read_state(folder: Path, options: Mapping[str, Any]) -> State | None:
    """The state that a former run with the same options left in ``folder``, None where there is none.

    Raises:
        CheckpointError: the file is damaged.
        TrainingError: it is of a run with other options.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged file makes torch.load raise nearly anything
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__}). Remove it to start anew.") from None
    for name in sorted({*options, *state.options} - set(FREE)):
        old, new = state.options.get(name), options.get(name)
        if old != new:
            raise TrainingError(
                f"{folder} holds a run with {name} = {old!r}, and this one has {new!r}. Give the same options to go on "
                "with it, or another folder."
            )
    return state
