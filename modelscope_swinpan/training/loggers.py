"""Loggers of other packages, which get what the log of a training run gets: TensorBoard, MLflow, Weights & Biases.

Each has its own settings of where it keeps them, such as ``MLFLOW_TRACKING_URI`` and ``WANDB_MODE``. The file
``loggers.json`` in the run's folder has their names for the run, so that a run that was stopped goes on in the same.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..config import check_names
from ..errors import ConfigError
from ..extras import require
from ..files import write_atomic

NAMES = "loggers.json"


class Logger(NamedTuple):
    """Takes the values and pictures of a training run. ``run`` is the run's name in the ``package``.

    ``add_values`` takes a group (``train`` or ``evaluation``), a step and its values, ``add_picture`` a group, a step
    and pixels (H, W, 3) RGB. ``close`` writes what is still in memory.
    """

    package: str
    run: str
    add_values: Callable[[str, int, Mapping[str, float]], object]
    add_picture: Callable[[str, int, npt.NDArray[np.uint8]], object]
    close: Callable[[], object]


def tensorboard(folder: Path, step: int) -> Logger:
    """Write TensorBoard's events into ``folder``. Those after ``step``, of a run that was stopped, are void."""
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder), purge_step=step + 1)  # type: ignore[no-untyped-call]

    def add_values(group: str, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            writer.add_scalar(f"{group}/{key}", value, step)

    return Logger(
        package="TensorBoard",
        run=str(folder),
        add_values=add_values,
        add_picture=lambda group, step, pixels: writer.add_image(group, pixels, step, dataformats="HWC"),
        close=writer.close,
    )


def mlflow(title: str, run_id: str | None) -> Logger:
    """Log to MLflow: to a new run called ``title``, or to the one with this id."""
    package = require("Logging to mlflow", "mlflow")
    run = package.start_run(run_id=run_id) if run_id else package.start_run(run_name=title)
    return Logger(
        package="mlflow",
        run=run.info.run_id,
        add_values=lambda group, step, values: package.log_metrics(_named(group, values), step=step),
        add_picture=lambda group, step, pixels: package.log_image(pixels, f"{group}/step-{step:06d}.png"),
        close=package.end_run,
    )


def wandb(title: str, run_id: str | None) -> Logger:
    """Log to Weights & Biases: to a new run called ``title``, or to the one with this id."""
    package = require("Logging to wandb", "wandb")
    run = package.init(id=run_id, name=title, resume="allow")
    run.define_metric("*", step_metric="step")  # its own steps never go back, as those of a resumed run do
    return Logger(
        package="wandb",
        run=run.id,
        add_values=lambda group, step, values: run.log({"step": step, **_named(group, values)}),
        add_picture=lambda group, step, pixels: run.log({"step": step, group: package.Image(pixels)}),
        close=run.finish,
    )


def _named(group: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{key}": value for key, value in values.items()}


LOGGERS: Mapping[str, Callable[[str, str | None], Logger]] = {"mlflow": mlflow, "wandb": wandb}
"""Those that log only if they are asked for, by the name of their package."""


def check_loggers(names: Sequence[str]) -> None:
    """Raise a ConfigError unless ``names`` are those of :data:`LOGGERS`, and their packages are installed."""
    check_names(names, LOGGERS, "--log", "logger")
    for name in names:
        require(f"Logging to {name}", name)


def open_loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    """The loggers of a run in ``folder``, in order.

    Raises:
        ConfigError: as of :func:`check_loggers`; or a logger cannot begin a run, or cannot continue its former one.
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
        known[name] = logger.run
        write_atomic(file, json.dumps(known, indent=2).encode())
    return loggers


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        return {str(name): str(run) for name, run in json.loads(file.read_bytes()).items()}
    except (AttributeError, ValueError):
        raise ConfigError(f"{file} is damaged. Remove it: the loggers then begin new runs.") from None
