"""``swinpan predict``: images in, a table for each, pictures and COCO panoptic files out."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ImageError, SwinPanError
from ..files import file_stem, is_url
from ..images.sources import is_data_url, local_path
from .console import complain, out, say
from .declare import argument, option
from .options import OUTPUT_HELP, EngineOptions, ModelOptions, TaskOption, ThresholdOptions, given_thresholds
from .progress import shown

if TYPE_CHECKING:
    from ..runs.inputs import Inputs
    from ..runs.run import Progress

DEFAULT_OUTPUT = "swinpan-output"


def predict(
    images: Annotated[list[str], argument("IMAGE", "Image files or http(s) URLs.")],
    how: ModelOptions,
    where: EngineOptions,
    thresholds: ThresholdOptions,  # type: ignore[valid-type]
    output: Annotated[
        Path | None,
        option("DIR", OUTPUT_HELP, f"{DEFAULT_OUTPUT}, or {DEFAULT_OUTPUT}-2 … where that has others", file_okay=False),
    ] = None,
    scores: Annotated[
        Literal["real", "virtual"],
        option("KIND", "real: class × mask probability, 0–1. virtual: 0.999 for every segment, as upstream answers."),
    ] = "real",
    task: TaskOption = None,
) -> None:
    """Segment images.

    Prints a table of segments for every image and writes overlays/NAME.png, a picture of them, and the COCO panoptic
    files panoptic.json and panoptic/NAME.png. With --task instance it also writes instances.json, COCO's result format;
    in the panoptic files the better instance has the pixels that two share. An image that cannot be read is reported,
    the others go on, and the exit status is 1. A folder that holds another run's results, or a dataset, is refused.
    """
    _check_that_some_exist(images)
    engine = where.build(partial(how.anywhere().load, task=task, thresholds=given_thresholds(thresholds)), how)

    from ..runs.formats import CocoPanopticSink, OverlaysSink, ResultsSink
    from ..runs.run import run_images
    from ..runs.sinks import Sink, VirtualScores
    from .table import TableSink

    sinks: list[Sink] = [TableSink(), OverlaysSink(), CocoPanopticSink()]
    if engine.predictor.task == "instance":
        sinks.append(ResultsSink())
    if scores == "virtual":
        sinks = [VirtualScores(sink) for sink in sinks]

    def segment(folder: Path) -> "Progress":
        with shown("Segmenting", out) as progress:
            return run_images(
                engine.predictor,
                named_inputs(images),
                folder,
                sinks=sinks,
                engine=engine,
                identity={"scores": scores},
                progress=progress,
            )

    folder, reached = (output, segment(output)) if output else _in_default_folder(segment)
    say(f"The results are in {folder}")
    if reached.failed:
        raise SwinPanError(f"{reached.failed} of {len(images)} images could not be segmented.")


def _check_that_some_exist(images: Sequence[str]) -> None:
    """End where no image is there, before a model is loaded, or even downloaded."""
    from ..images.decode import decode_image

    # os.path's function calls a file in a folder that is closed to us no file; pathlib's raises an error.
    if any(is_url(image) or is_data_url(image) or os.path.isfile(local_path(image)) for image in images):  # noqa: PTH113
        return
    for image in images:
        try:
            decode_image(local_path(image))
        except ImageError as error:  # noqa: PERF203 (they are few)
            complain(str(error))
    raise typer.Exit(1)


def _in_default_folder(segment: "Callable[[Path], Progress]") -> "tuple[Path, Progress]":
    """Segment into the first of the default folders that holds nothing else."""
    from ..claims import TakenError

    folders = map(Path, _numbered(DEFAULT_OUTPUT))
    while True:
        folder = next(folders)
        with contextlib.suppress(TakenError):
            return folder, segment(folder)


def named_inputs(images: Sequence[str]) -> "Inputs":
    """Paths and URLs as the inputs of a run; their result files have their names (:func:`unique_names`)."""
    from ..runs.inputs import Entry, Inputs

    def entries() -> Iterator[Entry]:
        names = [image.partition(",")[0] if is_data_url(image) else image for image in images]
        for image, name, stem in zip(images, names, unique_names(names), strict=True):
            remote = is_url(image) or is_data_url(image)
            yield Entry(name, image if remote else str(Path(local_path(image)).absolute()), stem=stem)

    return Inputs(entries=entries)


def unique_names(sources: Sequence[str]) -> list[str]:
    """File names without suffix for the results of ``sources``: their own, numbered where several share one.

    Names that differ in case only count as one: on some disks they are.
    """
    names: dict[str, str] = {}
    for source in sources:
        name = next(name for name in _numbered(file_stem(source)) if name.casefold() not in names)
        names[name.casefold()] = name
    return [*names.values()]


def _numbered(name: str) -> Iterator[str]:
    """NAME, NAME-2, NAME-3 …"""
    return itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
