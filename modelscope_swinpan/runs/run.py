"""The one run: inputs go through a predictor into sinks, from the first image that is left to the last."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..inference.predictor import Predictor
from .folder import RunFolder
from .inputs import Inputs
from .local_engine import LocalEngine
from .registry import Engine, make_sinks
from .sinks import ERROR, Sink


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is: ``done`` of ``total`` images, ``failed`` of them without a result.

    ``images_per_second`` is the speed of this run, its engine's start included; None before the first image.
    ``left_out`` counts, by reason, what was there but is no input: see :class:`~.inputs.Inputs`.
    """

    done: int
    failed: int
    total: int
    images_per_second: float | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed; None before the first image."""
        return (self.total - self.done) / self.images_per_second if self.images_per_second else None


def run_images(
    predictor: Predictor,
    inputs: Inputs,
    output: Path,
    *,
    sinks: Sequence[Sink | str] = ("coco",),
    engine: Engine | None = None,
    limit: int | None = None,
    identity: Mapping[str, Any] | None = None,
    files: Sequence[str] = (),
    retry: bool = False,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Segment ``inputs`` into the folder ``output``, and go on where a former call stopped.

    Nothing here grows with the number of images. One that cannot be segmented is listed in ``errors.jsonl``, and the
    run goes on.

    Args:
        predictor: What segments the images.
        inputs: The images, as :func:`~modelscope_swinpan.runs.listing.open_inputs` lists them.
        output: The folder of the run. It is made with the first result; what is in it stays as it is.
        sinks: What is kept of the results: sinks, or names of formats (:mod:`~modelscope_swinpan.runs.formats`).
        engine: What does the work; this process, by default. Another engine must load the same model with the same
            options; device and batch size may differ.
        limit: How many images to segment, from the first on; all by default. A later call may raise it.
        identity: JSON of what else decides the results, besides the predictor, the inputs and the sinks.
        files: Names in ``output`` that the caller will write: they must not be there before.
        retry: Whether images that had no result in a former call are tried again.
        progress: Called before the first image and after each.

    Raises:
        ConfigError: no such format, or two write one file; ``output`` holds something else or another run's results,
            or is in use.
        DatasetError: the list of inputs is damaged, empty, or strict and leaves something out; or the files in
            ``output`` are damaged.
        DeviceError: the device's memory does not suffice.
        OSError: a file cannot be written.
    """
    made = make_sinks(sinks)
    run = {**predictor.identity(), **(identity or {})}
    with RunFolder(output, inputs, made, run, files=files) as folder:
        total = folder.total if limit is None else min(limit, folder.total)
        engine = engine or LocalEngine(predictor)
        if retry and folder.failed:
            folder.replace(engine(folder.without_result(total), sinks=made, read=inputs.read))
        live = [sink for sink in made if sink.live]
        if live:
            for line in folder.kept():
                _tell(live, line)
        left_out = dict(inputs.left_out)
        reached = Progress(done=min(folder.done, total), failed=folder.failed, total=total, left_out=left_out)
        progress(reached)
        start = time.perf_counter()
        if folder.done < total:
            records = engine(folder.todo(total), sinks=made, read=inputs.read)
            for count, record in enumerate(records, start=1):
                folder.keep(record)
                if live:
                    _tell(live, record.read())
                speed = count / (time.perf_counter() - start)
                reached = replace(reached, done=folder.done, failed=folder.failed, images_per_second=speed)
                progress(reached)
        folder.finish(predictor.categories, total)
    return reached


def _tell(sinks: Sequence[Sink], line: Mapping[str, Any]) -> None:
    for sink in sinks:
        if ERROR in line:
            sink.failed(line[ERROR])
        else:
            sink.kept(line[sink.name])
