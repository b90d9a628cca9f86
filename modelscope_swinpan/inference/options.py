"""Checks of the options that predictors share."""

from typing import get_args

from ..config import Task
from ..errors import ConfigError


def check_task(task: Task, trained: Task) -> Task:
    """Return ``task``. Raise a ConfigError if it is unknown, or a model ``trained`` for another one cannot do it."""
    if task not in get_args(Task):
        raise ConfigError(f"The task must be one of {', '.join(map(repr, get_args(Task)))}; got {task!r}.")
    if trained not in (task, "panoptic"):
        raise ConfigError(
            f"The task {task!r} was asked for, but this model was trained for {trained!r} alone. Ask for that, or load "
            "a panoptic model, which does all three."
        )
    return task


def check_batch_size(batch_size: int) -> int:
    """Return ``batch_size``. Raise a ConfigError unless it is a positive int."""
    if type(batch_size) is not int or batch_size < 1:
        raise ConfigError(f"batch_size must be a positive int; got {batch_size!r}.")
    return batch_size
