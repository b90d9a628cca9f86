"""How far a run is, for people: a bar, or a line now and then where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from .console import err

if TYPE_CHECKING:
    from ..runs.run import Progress

SECONDS = 30
"""How often a line tells of the progress where there is no terminal."""


@contextmanager
def shown(title: str, console: Console) -> "Iterator[Callable[[Progress], None]]":
    """What a run tells its progress: a bar on ``console``, or lines on standard error where that is no terminal."""
    if not console.is_terminal:
        yield _now_and_then()
        return
    columns = (*Bar.get_default_columns(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task: TaskID | None = None

        def show(progress: "Progress") -> None:
            nonlocal task
            if task is None:  # what was done before does not count as speed
                task = bar.add_task(title, completed=progress.done, total=progress.total, speed="")
            bar.update(task, completed=progress.done, speed=_speed(progress))

        yield show


def line(progress: "Progress") -> str:
    """The progress in one line."""
    failed = f", {progress.failed} of them without a result" if progress.failed else ""
    return ", ".join(filter(None, [f"{progress.done} of {progress.total} images{failed}", _speed(progress)]))


def _now_and_then() -> "Callable[[Progress], None]":
    last = time.monotonic()

    def show(progress: "Progress") -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            left = progress.seconds_left
            end = "" if left is None else f", {timedelta(seconds=round(left))} left"
            err.print(line(progress) + end, markup=False, highlight=False, soft_wrap=True)

    return show


def _speed(progress: "Progress") -> str:
    return "" if progress.images_per_second is None else f"{progress.images_per_second:.2f} images/s"
