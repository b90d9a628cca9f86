"""A batch from its first image, or the first that is left, to its last."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import check_names
from ..inference.identity import describe_model
from ..inference.predictor import PanopticPredictor
from ..inference.tiles import describe_tiles
from .folder import BatchFolder, open_batch
from .inputs import Inputs
from .sinks import FORMS
from .worker import Engine, Worker


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a batch is: ``done`` of ``total`` images, ``failed`` of them without a result.

    ``images_per_second`` is the speed of this run, with all that its engine needs to get under way; None before the
    first image.
    """

    done: int
    failed: int
    total: int
    images_per_second: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """At this speed."""
        return (self.total - self.done) / self.images_per_second if self.images_per_second else None


def run_batch(
    predictor: PanopticPredictor,
    inputs: Inputs,
    output: Path,
    *,
    form: str = "coco",
    engine: Engine | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Segment ``inputs`` into the folder ``output``, in one of :data:`~.forms.FORMS`, and go on where a run stopped.

    ``engine`` does the work, by default this process, with ``predictor``. What another engine loads must be the same
    model with the same options; the device and the batch size may be others. ``progress`` is told before the first
    image and after each. No image stops the run, and nothing here grows with their number.

    Raises:
        ConfigError: no such form, or ``output`` holds something else, another run's results, or is in use.
        DatasetError: the list of inputs is damaged or empty, or the files in ``output`` are damaged.
        DeviceError: a GPU's memory does not suffice.
        OSError: a file cannot be written.
    """
    check_names([form], FORMS, "form")
    with open_batch(output, inputs, FORMS[form], {**_describe(predictor), "form": form}) as folder:
        reached = _go_on(folder, engine or Worker(predictor), inputs, progress)
        folder.finish(predictor.model.config.categories)
    return reached


def _go_on(folder: BatchFolder, engine: Engine, inputs: Inputs, progress: Callable[[Progress], None]) -> Progress:
    reached = Progress(done=folder.done, failed=folder.failed, total=folder.total)
    progress(reached)
    if folder.done == folder.total:
        return reached
    start = time.perf_counter()
    for count, record in enumerate(engine(folder.todo(), form=folder.form, read=inputs.read), start=1):
        folder.keep(record)
        speed = count / (time.perf_counter() - start)
        reached = Progress(done=folder.done, failed=folder.failed, total=folder.total, images_per_second=speed)
        progress(reached)
    return reached


def _describe(predictor: PanopticPredictor) -> dict[str, Any]:
    """All that decides what is answered, as JSON."""
    return {
        **describe_model(predictor.model, predictor.postprocess),
        "task": predictor.task,
        "tiles": describe_tiles(predictor),
    }
