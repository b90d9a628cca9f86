"""The checkpoint of a training run: all that a run needs to continue as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, TrainingError
from ..files import atomic

CHECKPOINT = "checkpoint.pt"
CHANGEABLE = ("workers", "tolerate", "log_every", "checkpoint_every", "evaluate_every")
"""Options that may change when a run continues, as they do not affect its result."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A run after ``step`` steps; ``skipped`` of them changed no weights. ``options`` are the run's, by name.

    Random seeds and the position in the data follow from the step.
    """

    step: int
    skipped: int
    options: Mapping[str, Any]
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    ema: Mapping[str, Any] | None


def write_state(state: State, folder: Path) -> None:
    """Write the checkpoint into a run's folder atomically.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic(folder / CHECKPOINT) as partial:
        try:
            torch.save(dict(vars(state)), partial)
        except RuntimeError as error:  # PyTorch's error for a full disk
            raise OSError(f"Cannot write {folder / CHECKPOINT}: {str(error).splitlines()[0]}") from None


def read_state(folder: Path, options: Mapping[str, Any]) -> State | None:
    """Read the checkpoint of an earlier run with the same options, or return None if ``folder`` has none.

    Raises:
        CheckpointError: the file is damaged.
        TrainingError: the checkpoint belongs to a run with other options.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged file makes torch.load raise many error types
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__}). Remove it to start anew.") from None
    for name in sorted({*options, *state.options} - set(CHANGEABLE)):
        old, new = state.options.get(name), options.get(name)
        if old != new:
            raise TrainingError(
                f"{folder} holds a run with {name} = {old!r}, and this one has {new!r}. Give the same options to "
                "continue it, or choose another folder."
            )
    return state
