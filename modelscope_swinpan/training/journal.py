"""What a run leaves to read: tables, curves, pictures, and TensorBoard's events where that is installed."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..files import atomic

LOG, EVALUATIONS, CURVES, SAMPLES = "log.csv", "evaluations.csv", "curves.png", "samples"


class Journal:
    """The files of a run in ``folder``. Rows of steps after ``step``, which are about to be done again, are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        for name in (LOG, EVALUATIONS):
            _keep_until(folder / name, step)
        self.evaluated = set(read_table(folder / EVALUATIONS).get("step", ()))
        """The steps whose evaluation is kept."""
        self._events = _events(folder / "tensorboard", step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """What was measured in training."""
        self._add(LOG, "train", step, values)

    def evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """What an evaluation found; draws the curves anew."""
        self._add(EVALUATIONS, "evaluation", step, values)
        self.draw()

    def picture(self, step: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Write a picture, (H, W, 3) RGB."""
        folder = self._folder / SAMPLES
        folder.mkdir(exist_ok=True)
        with atomic(folder / f"step-{step:06d}.png") as partial:
            Image.fromarray(pixels).save(partial, "PNG")
        if self._events is not None:
            self._events.add_image(SAMPLES, pixels, step, dataformats="HWC")

    def draw(self) -> None:
        """Write the curves of all so far."""
        draw_curves(self._folder / CURVES, read_table(self._folder / LOG), read_table(self._folder / EVALUATIONS))

    def close(self) -> None:
        """Write what is not written yet."""
        if self._events is not None:
            self._events.close()

    def _add(self, name: str, group: str, step: int, values: Mapping[str, float]) -> None:
        path = self._folder / name
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{value:.6g}" for value in values.values())])
        if self._events is not None:
            for key, value in values.items():
                self._events.add_scalar(f"{group}/{key}", value, step)


def read_table(path: Path) -> dict[str, list[float]]:
    """A table's columns by name; no columns where there is no file."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def draw_curves(path: Path, log: Mapping[str, list[float]], evaluations: Mapping[str, list[float]]) -> None:
    """The losses, and beside them the evaluations' figures, over the steps, as one PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    for axes, table, title in ((losses, log, "Loss"), (figures, evaluations, "Evaluation")):
        names = [name for name in table if name.startswith("loss") or (axes is figures and name != "step")]
        for name in names:
            axes.plot(table["step"], table[name], label=name, marker="." if axes is figures else "")
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        if names:
            axes.legend()
    if log:
        losses.set_yscale("log")
    with atomic(path) as partial:
        figure.savefig(partial, format="png")


def _keep_until(path: Path, step: int) -> None:
    """Drop rows of later steps, and a last line that a killed process left unfinished."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    if not lines or not lines[0].endswith("\n"):
        path.unlink()
        return
    head, *rows = lines
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) <= step]
    with atomic(path) as partial:
        partial.write_text("".join([head, *kept]))


def _events(folder: Path, step: int) -> Any:
    """TensorBoard's writer, None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)  # type: ignore[no-untyped-call]
