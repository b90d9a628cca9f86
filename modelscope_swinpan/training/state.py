"""The checkpoint of a training run: all that a run needs to continue as if it had never stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..claims import PURPOSE, Claim
from ..coco.identity import Digests
from ..errors import CheckpointError
from ..files import atomic, save_torch
from . import log

CHECKPOINT = "checkpoint.pt"
MODEL = "model"
"""The folder of the trained model inside the run's folder."""


def run_claim(folder: Path, model_name: str = MODEL, others: Sequence[str] = ()) -> Claim:
    """The claim of a training run to its folder, in which ``others`` are written by whoever started it."""
    return Claim(folder, {PURPOSE: "a training run"}, (CHECKPOINT, *log.FILES, model_name, *others))


@dataclass(frozen=True, kw_only=True)
class State:
    """A run after ``step`` steps; ``skipped`` of them changed no weights.

    ``options``, ``data`` and ``validation`` are what :mod:`.identity` says of the run. Random seeds and the position in
    the data follow from the step.
    """

    step: int
    skipped: int
    options: Mapping[str, Any]
    data: Mapping[str, Digests]
    validation: Mapping[str, Digests]
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    ema: Mapping[str, Any] | None


def write_state(state: State, folder: Path) -> None:
    """Write the checkpoint into a run's folder atomically.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic(folder / CHECKPOINT) as partial:
        save_torch(dict(vars(state)), partial)


def read_state(folder: Path) -> State | None:
    """Read the checkpoint of an earlier run, or return None if ``folder`` has none.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        return State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged file makes torch.load raise many error types
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__}). Remove it to start anew.") from None
