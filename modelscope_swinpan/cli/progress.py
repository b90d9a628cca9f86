"""Show people how far long work is: by a bar or a spinner, or by lines where there is no terminal."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from ..words import number_of
from .console import err

if TYPE_CHECKING:
    from ..runs.run import Progress

SECONDS = 30
"""How often a line tells of the progress where there is no terminal."""
SOON = 3
"""After how many seconds such a line says what is being done, if nothing can be counted."""


@contextmanager
def shown(title: str, console: Console) -> "Iterator[Callable[[Progress], None]]":
    """A function that shows a run's progress: by a bar on ``console``, or by lines if that is no terminal."""
    if not console.is_terminal:
        yield _now_and_then(title)
        return
    columns = (*Bar.get_default_columns(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, console=console, transient=True) as bars:
        task: TaskID | None = None

        def show(progress: "Progress") -> None:
            nonlocal task
            if task is None:  # what was done before does not count as speed
                task = bars.add_task(title, completed=progress.done, total=progress.total, speed="")
            bars.update(task, completed=progress.done, speed=_speed(progress))

        yield show


@contextmanager
def tracking(title: str, console: Console | None = None) -> Iterator[Callable[..., Iterator[Any]]]:
    """A function that yields the items that it is given, while :func:`shown` tells how far it is.

    It is also given their number where they have no length. By default it is shown on standard error.
    """
    from ..runs.run import Progress

    with shown(title, console or err) as show:

        def track(items: Any, total: int | None = None) -> Iterator[Any]:
            number = len(items) if total is None else total
            start = time.perf_counter()
            show(Progress(done=0, failed=0, total=number))
            for done, item in enumerate(items, start=1):
                yield item
                speed = done / (time.perf_counter() - start)
                show(Progress(done=done, failed=0, total=number, images_per_second=speed))

        yield track


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Say what is being done while the block runs: a spinner, or a line soon and then every :data:`SECONDS`."""
    if err.is_terminal:
        with err.status(doing):
            yield
        return
    ended = threading.Event()

    def tell() -> None:
        start, wait = time.monotonic(), SOON
        while not ended.wait(wait):
            _line(f"{doing}, for {timedelta(seconds=round(time.monotonic() - start))} so far")
            wait = SECONDS

    thread = threading.Thread(target=tell, name="swinpan-busy", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def line(progress: "Progress") -> str:
    """The progress in one line."""
    failed = f", {progress.failed} of them without a result" if progress.failed else ""
    return ", ".join(filter(None, [f"{progress.done} of {progress.total} images{failed}", _speed(progress)]))


def _now_and_then(title: str) -> "Callable[[Progress], None]":
    last: float | None = None

    def show(progress: "Progress") -> None:
        nonlocal last
        if progress.done == progress.total and last is None:
            return  # nothing is left to do
        if last is None:
            before = f", {progress.done} of them done before" if progress.done else ""
            _line(f"{title} {number_of(progress.total, 'image')}{before}")
        elif time.monotonic() - last >= SECONDS:
            left = progress.seconds_left
            _line(line(progress) + ("" if left is None else f", {timedelta(seconds=round(left))} left"))
        else:
            return
        last = time.monotonic()

    return show


def _line(text: str) -> None:
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def _speed(progress: "Progress") -> str:
    return "" if progress.images_per_second is None else f"{progress.images_per_second:.2f} images/s"
