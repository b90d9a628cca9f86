"""``swinpan batch``: any number of images into files, in this process or on a Ray cluster."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from ..config import Task
from ..errors import ConfigError
from .console import complain, err, one_line_errors, say
from .options import (
    DEFAULT_MODEL,
    BatchSizeOption,
    DeviceOption,
    Dtype,
    DtypeOption,
    InstanceThresholdOption,
    MaskThresholdOption,
    ModelOption,
    OutputOption,
    OverlapThresholdOption,
    TaskOption,
    TileSideOption,
    TilesOption,
    load_predictor,
)

if TYPE_CHECKING:
    from ..inference.predictor import PanopticPredictor
    from ..runs.inputs import Inputs
    from ..runs.ray_engine import RayEngine
    from ..runs.run import Progress

SECONDS = 30
"""How often a line tells of the progress where there is no terminal."""


def batch(
    inputs: Annotated[
        str,
        typer.Argument(
            metavar="INPUTS",
            help="A folder; a quoted pattern ('photos/**/*.jpg'); a list: .txt with a path or URL a line, .csv or "
            ".jsonl with a column 'InputImage:FILE' or 'image', COCO's .json; or the id of an MsDataset.",
        ),
    ],
    output: OutputOption,
    model: ModelOption = DEFAULT_MODEL,
    form: Annotated[
        Literal["coco", "rle", "parquet"],
        typer.Option(
            "--format",
            metavar="FORM",
            help="coco: panoptic.json and PNGs. rle: results.jsonl, run-length encoded masks. parquet: the same rows.",
        ),
    ] = "coco",
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder that the paths in a list start from.",
            file_okay=False,
            exists=True,
            show_default="the list's own, COCO's images beside its JSON",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Split of an MsDataset.")] = None,
    subset: Annotated[str | None, typer.Option(metavar="NAME", help="Subset of an MsDataset.")] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = "float32",
    batch_size: BatchSizeOption = 1,
    tiles: TilesOption = False,
    tile_side: TileSideOption = None,
    task: TaskOption = None,
    object_mask_threshold: MaskThresholdOption = None,
    overlap_threshold: OverlapThresholdOption = None,
    instance_threshold: InstanceThresholdOption = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(metavar="NAME", help="local: this process. ray: workers on a Ray cluster."),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A running Ray cluster, or auto.", show_default="one is started on this machine"
        ),
    ] = None,
    workers: Annotated[
        str, typer.Option(metavar="N", help="How many workers Ray shall keep, or at least and at most, as in 1:8.")
    ] = "1",
    cpus_per_worker: Annotated[
        float, typer.Option(metavar="N", min=0, help="CPUs, and so threads, of each of Ray's workers.")
    ] = 1,
    gpus_per_worker: Annotated[
        float,
        typer.Option(
            metavar="N", min=0, help="GPUs of each of Ray's workers; 0.5 shares one, without any the CPU computes."
        ),
    ] = 0,
) -> None:
    """Segment any number of images into files.

    Images that cannot be segmented are listed in errors.jsonl with the reason, the others go on, and the exit status is
    1. Give the same command again to go on with a run that was stopped, with either engine. A folder that holds another
    run's results is refused.
    """
    thresholds = {
        "object_mask_threshold": object_mask_threshold,
        "overlap_threshold": overlap_threshold,
        "instance_threshold": instance_threshold,
    }
    with one_line_errors():
        load = partial(
            _load,
            _visible(model),
            dtype=dtype,
            batch_size=batch_size,
            tiles=tile_side or tiles,
            task=task,
            thresholds=thresholds,
        )
        ray = (workers, cpus_per_worker, gpus_per_worker, address)
        if engine == "local" and ray != ("1", 1, 0, None):
            raise ConfigError("--workers, --cpus-per-worker, --gpus-per-worker and --address are for --engine ray.")
        cluster = _cluster(load, device, batch_size, *ray) if engine == "ray" else None
        listed = _inputs(inputs, images, split, subset, output)

        from ..runs.run import run_batch

        predictor = load("cpu" if cluster else device)  # the workers load their own
        with _shown() as progress:
            reached = run_batch(predictor, listed, output, form=form, engine=cluster, progress=progress)
        say(f"{_line(reached)}\nThe results are in {output}")
        if reached.failed:
            complain(f"{reached.failed} of {reached.total} images have no result; see {output / 'errors.jsonl'}.")
            raise typer.Exit(1)


def _visible(model: str) -> str:
    """A model's path as it is found from any directory, or its id."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def _load(
    model: str,
    device: str | None,
    *,
    dtype: Dtype,
    batch_size: int,
    tiles: bool | int,
    task: Task | None,
    thresholds: Mapping[str, float | None],
) -> "PanopticPredictor":
    """A predictor; a worker on another machine calls this by itself."""
    from ..inference.tiles import tiled

    return tiled(load_predictor(model, device, dtype, batch_size, task=task, **thresholds), tiles)


def _cluster(
    load: "Callable[[str], PanopticPredictor]",
    device: str | None,
    batch_size: int,
    workers: str,
    cpus: float,
    gpus: float,
    address: str | None,
) -> "RayEngine":
    match = re.fullmatch(r"([1-9]\d{0,4})(?::([1-9]\d{0,4}))?", workers, re.ASCII)
    if not match:
        raise ConfigError(f"--workers must be a number or two, as in 1:8; got {workers!r}.")
    least, most = int(match[1]), int(match[2] or match[1])
    if least > most:
        raise ConfigError(f"--workers: at least {least} and at most {most} is no range.")

    from ..runs.ray_engine import RayEngine

    return RayEngine(
        load=partial(load, device or ("cuda" if gpus else "cpu")),
        workers=(least, most),
        cpus=cpus,
        gpus=gpus,
        address=address,
        images_per_task=8 * batch_size,
    )


def _inputs(given: str, images: Path | None, split: str | None, subset: str | None, output: Path) -> "Inputs":
    from ..card.hub_id import HUB_ID

    if HUB_ID.fullmatch(given) and not Path(given).exists():
        from ..plugin.row_inputs import row_inputs

        return row_inputs(given, split=split, subset=subset)
    if split or subset:
        raise ConfigError(f"--split and --subset are for an MsDataset; {given} is no id of one.")

    from ..runs.listing import open_inputs

    return open_inputs(given, images=images, leave_out=output)


@contextmanager
def _shown() -> "Iterator[Callable[[Progress], None]]":
    """What shows the progress: a bar, or a line now and then where there is no terminal."""
    if not err.is_terminal:
        yield _now_and_then()
        return
    columns = (*Bar.get_default_columns(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, console=err, transient=True) as bar:
        task: TaskID | None = None

        def show(progress: "Progress") -> None:
            nonlocal task
            if task is None:  # what was done before does not count as speed
                task = bar.add_task("Segmenting", completed=progress.done, total=progress.total, speed="")
            bar.update(task, completed=progress.done, speed=_speed(progress))

        yield show


def _now_and_then() -> "Callable[[Progress], None]":
    last = time.monotonic()

    def show(progress: "Progress") -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            left = progress.seconds_left
            end = "" if left is None else f", {timedelta(seconds=round(left))} left"
            err.print(_line(progress) + end, markup=False, highlight=False, soft_wrap=True)

    return show


def _line(progress: "Progress") -> str:
    failed = f", {progress.failed} of them without a result" if progress.failed else ""
    return ", ".join(filter(None, [f"{progress.done} of {progress.total} images{failed}", _speed(progress)]))


def _speed(progress: "Progress") -> str:
    return "" if progress.images_per_second is None else f"{progress.images_per_second:.2f} images/s"
