"""Loggers of other packages, which get what the log of a training run gets: TensorBoard, MLflow, Weights & Biases.

Where they keep it is set in their own ways, such as ``MLFLOW_TRACKING_URI`` and ``WANDB_MODE``. The file
``loggers.json`` in the run's folder has their names for the run, so that a run that was stopped goes on in the same.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..extras import require
from ..files import write_atomic

NAMES = "loggers.json"


class Logger(Protocol):
    """What gets the values and pictures of a training run. ``name`` is what the package calls the run."""

    name: str

    def add_values(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """Add the values of a step, of the group ``train`` or ``evaluation``."""

    def add_picture(self, group: str, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Add a picture, (H, W, 3) RGB."""

    def close(self) -> None:
        """Write what is still in memory."""


class TensorBoardLogger:
    """Writes TensorBoard's events into ``folder``. Those after ``step``, of a run that was stopped, are void."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.name = str(folder)
        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1)  # type: ignore[no-untyped-call]

    def add_values(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """See :class:`Logger`."""
        for key, value in values.items():
            self._writer.add_scalar(f"{group}/{key}", value, step)

    def add_picture(self, group: str, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """See :class:`Logger`."""
        self._writer.add_image(group, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """See :class:`Logger`."""
        self._writer.close()


class MlflowLogger:
    """Logs to MLflow: a new run called ``title``, or the one with the id ``name``."""

    def __init__(self, title: str, name: str | None) -> None:
        self._mlflow = require("Logging to mlflow", "mlflow")
        run = self._mlflow.start_run(run_id=name) if name else self._mlflow.start_run(run_name=title)
        self.name = run.info.run_id

    def add_values(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """See :class:`Logger`."""
        self._mlflow.log_metrics({f"{group}/{key}": value for key, value in values.items()}, step=step)

    def add_picture(self, group: str, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """See :class:`Logger`."""
        self._mlflow.log_image(pixels, f"{group}/step-{step:06d}.png")

    def close(self) -> None:
        """See :class:`Logger`."""
        self._mlflow.end_run()


class WandbLogger:
    """Logs to Weights & Biases: a new run called ``title``, or the one with the id ``name``."""

    def __init__(self, title: str, name: str | None) -> None:
        self._wandb = require("Logging to wandb", "wandb")
        self._run = self._wandb.init(id=name, name=title, resume="allow")
        self._run.define_metric("*", step_metric="step")  # its own steps never go back, as those of a resumed run do
        self.name = self._run.id

    def add_values(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """See :class:`Logger`."""
        self._run.log({"step": step, **{f"{group}/{key}": value for key, value in values.items()}})

    def add_picture(self, group: str, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """See :class:`Logger`."""
        self._run.log({"step": step, group: self._wandb.Image(pixels)})

    def close(self) -> None:
        """See :class:`Logger`."""
        self._run.finish()


LOGGERS: Mapping[str, Callable[[str, str | None], Logger]] = {"mlflow": MlflowLogger, "wandb": WandbLogger}
"""Those that log where they are asked for, by the name of their package."""


def check_loggers(names: Iterable[str]) -> None:
    """Raise a ConfigError unless ``names`` are those of :data:`LOGGERS`, and their packages are installed."""
    for name in names:
        if name not in LOGGERS:
            raise ConfigError(f"unknown logger {name!r:.80}. Known are {' and '.join(LOGGERS)}.")
        require(f"Logging to {name}", name)


def open_loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    """The loggers of a run in ``folder``, in order.

    Raises:
        ConfigError: as of :func:`check_loggers`; or a logger cannot begin, or cannot go on with the run that it had.
    """
    check_loggers(names)
    file = folder / NAMES
    known = _read(file)
    loggers = []
    for name in dict.fromkeys(names):
        try:
            logger = LOGGERS[name](folder.resolve().name, known.get(name))
        except Exception as error:  # of packages that have many types of them
            message = f"{name} cannot log ({type(error).__name__}: {error})."
            if name in known:
                message += f" It was to go on with the run {known[name]}; remove {file} to begin another."
            raise ConfigError(message) from None
        loggers.append(logger)
        known[name] = logger.name
        write_atomic(file, json.dumps(known, indent=2).encode())
    return loggers


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        return {str(name): str(run) for name, run in json.loads(file.read_bytes()).items()}
    except (AttributeError, ValueError):
        raise ConfigError(f"{file} is damaged. Remove it: the loggers then begin new runs.") from None
