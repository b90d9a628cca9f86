"""The log of a training run: tables, curves, pictures, TensorBoard's events if it is installed, and other loggers."""

import csv
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..files import atomic, errors_named
from ..images.encode import write_png
from . import loggers
from .loggers import Logger, open_loggers, tensorboard

LOG, EVALUATIONS, CURVES, SAMPLES, EVENTS = "log.csv", "evaluations.csv", "curves.png", "samples", "tensorboard"
FEW = 100
"""Curves of up to this many points show a mark at each: a single point has no line."""
FILES = (LOG, EVALUATIONS, CURVES, SAMPLES, EVENTS, loggers.NAMES)


class TrainingLog:
    """The log in a run's folder.

    A run that continues after ``step`` repeats the later steps, so their rows are dropped. ``evaluated`` holds the
    steps that have a row in the table of evaluations.
    """

    def __init__(self, folder: Path, step: int, others: Sequence[str] = ()) -> None:
        """``others`` are :data:`~.loggers.LOGGERS` that log as well. Raises as :func:`~.loggers.open_loggers`."""
        self._folder = folder
        for name in (LOG, EVALUATIONS):
            _drop_rows_after(step, folder / name)
        self.evaluated = set(read_table(folder / EVALUATIONS).get("step", ()))
        self._loggers = open_loggers(others, folder)
        with suppress(ImportError), errors_named(folder / EVENTS):  # TensorBoard is not installed
            self._loggers.append(tensorboard(folder / EVENTS, step))

    def add_training(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row of values measured in training."""
        self._add(LOG, "train", step, values)

    def add_evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row of an evaluation's figures, and draw the curves again."""
        self._add(EVALUATIONS, "evaluation", step, values)
        self.draw_curves()

    def add_picture(self, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Write a picture, (H, W, 3) RGB."""
        folder = self._folder / SAMPLES
        folder.mkdir(exist_ok=True)
        write_png(folder / f"step-{step:06d}.png", pixels)
        self._tell(lambda logger: logger.add_picture(SAMPLES, step, pixels))

    def draw_curves(self) -> None:
        """Write a PNG with the losses on the left and the figures of the evaluations on the right, over the steps."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12, 4.5), layout="constrained")
        log, evaluations = read_table(self._folder / LOG), read_table(self._folder / EVALUATIONS)
        losses = [name for name in log if name.startswith("loss")]
        figures = [name for name in evaluations if name != "step"]
        plots = ((log, losses, "Training", "loss"), (evaluations, figures, "Evaluation", "PQ and AP (%)"))
        for axes, (table, names, title, ylabel) in zip(figure.subplots(1, 2), plots, strict=True):
            for name in names:
                axes.plot(table["step"], table[name], label=name, marker="." if len(table["step"]) <= FEW else "")
            axes.set(title=title, xlabel="step", ylabel=ylabel)
            axes.grid(alpha=0.3)
            if names:
                axes.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the curves
        if log:
            figure.axes[0].set_yscale("log")
        with atomic(self._folder / CURVES) as partial:
            figure.savefig(partial, format="png")

    def close(self) -> None:
        """Have the loggers write what they still hold in memory."""
        self._tell(lambda logger: logger.close())

    def _add(self, name: str, group: str, step: int, values: Mapping[str, float]) -> None:
        path = self._folder / name
        is_new = not path.exists()
        with errors_named(path), path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{value:.6g}" for value in values.values())])
        self._tell(lambda logger: logger.add_values(group, step, values))

    def _tell(self, what: Callable[[Logger], object]) -> None:
        """Tell the loggers. One that fails, as those that need a network can, does not end the run."""
        for logger in list(self._loggers):
            try:
                what(logger)
            except Exception as error:  # noqa: PERF203 (of packages that have many types of them)
                self._loggers.remove(logger)
                warnings.warn(
                    f"{logger.package} failed and gets no more ({type(error).__name__}: {error}). The run goes "
                    f"on; {LOG} and {EVALUATIONS} have everything.",
                    stacklevel=2,
                )


class Meter:
    """Averages the values ``names`` of several steps, and measures their speed."""

    def __init__(self, names: Sequence[str], images_per_step: int) -> None:
        self._images_per_step = images_per_step
        self._start, self._steps = time.perf_counter(), 0
        self._values: dict[str, list[float]] = {name: [] for name in names}

    def add(self, values: Mapping[str, float]) -> None:
        """Count a step. ``values`` is empty if the step was skipped."""
        self._steps += 1
        for name, value in values.items():
            self._values[name].append(value)

    def read(self) -> dict[str, float]:
        """The means since the last reading, NaN if all steps were skipped, and ``images_per_second``."""
        speed = self._steps * self._images_per_step / (time.perf_counter() - self._start)
        means = {name: sum(values) / len(values) if values else math.nan for name, values in self._values.items()}
        self._start, self._steps = time.perf_counter(), 0
        self._values = {name: [] for name in means}
        return {**means, "images_per_second": speed}

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time spent inside this context out of the speed."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start


def read_table(path: Path) -> dict[str, list[float]]:
    """Read the columns of a table by name. A missing file has no columns."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def _drop_rows_after(step: int, path: Path) -> None:
    """Drop the rows of later steps, and what is no row: lines that a kill left unfinished, or a power cut as zeros."""
    if not path.exists():
        return
    text = path.read_bytes().decode(errors="replace")  # with the ends of lines that it has
    head, *rows = text.splitlines(keepends=True) or [""]
    if not (head.startswith("step,") and head.endswith("\n")):
        path.unlink()
        return
    kept = [row for row in rows if row.endswith("\n") and _step(row, head.count(",")) <= step]
    with atomic(path) as partial:
        partial.write_text("".join([head, *kept]), encoding="utf-8", newline="")


def _step(row: str, commas: int) -> float:
    """The step of a row, infinite if it is none."""
    try:
        first, *others = map(float, row.split(","))
    except ValueError:
        return math.inf
    return first if len(others) == commas else math.inf
