"""``swinpan eval``: panoptic quality and average precision on a dataset."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from ..errors import ConfigError
from .console import err, one_line_errors, out, say
from .options import (
    DEFAULT_MODEL,
    BatchSizeOption,
    DeviceOption,
    DtypeOption,
    ModelOption,
    OutputOption,
    TileSideOption,
    TilesOption,
    load_predictor,
)
from .scenes import scenes as write_scenes

if TYPE_CHECKING:
    from ..coco.reader import CocoPanoptic
    from ..evaluation.report import Report
    from ..inference.predictor import PanopticPredictor


def evaluate(
    output: OutputOption,
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A COCO panoptic dataset: its folder, or panoptic_SPLIT.json.", exists=True),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of its images.",
            file_okay=False,
            exists=True,
            show_default="found beside the JSON",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which split of a folder with several, as in val2017.")
    ] = None,
    scenes: Annotated[
        str | None,
        typer.Option(
            metavar="SEED:COUNT", help="Generated scenes instead of a dataset, as in 0:500; kept in the output."
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Score a folder in COCO's panoptic format instead of running a model.", exists=True
        ),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Look at the first N images only.", show_default="all")
    ] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = "float32",
    batch_size: BatchSizeOption = 1,
    tiles: TilesOption = False,
    tile_side: TileSideOption = None,
) -> None:
    """Measure a model's quality on a dataset.

    Prints the model card's table and writes report.json, per_class.csv and the predictions, in COCO's formats. Give the
    same command again to go on with a run that was stopped.
    """
    with one_line_errors():
        if (data is None) == (scenes is None):
            raise ConfigError("Give either --data, a dataset, or --scenes, generated ones.")
        path = data or _painted(scenes or "", output)

        from ..coco.reader import CocoPanoptic
        from ..evaluation.evaluate import score

        dataset = CocoPanoptic.open(path, images=images, split=split)
        if predictions:
            with err.status("Scoring"):
                report = score(dataset, predictions, limit=limit)
            report.save(output)
        else:
            from ..inference.tiles import tiled

            predictor = tiled(load_predictor(model, device, dtype, batch_size), tile_side or tiles)
            report = _evaluate(predictor, dataset, output, model, limit)
        say(report.table())
        say(f"\nThe report is in {output}")


def _evaluate(
    predictor: "PanopticPredictor", dataset: "CocoPanoptic", output: Path, model: str, limit: int | None
) -> "Report":
    from ..evaluation.evaluate import evaluate

    columns = (*Progress.get_default_columns(), TimeElapsedColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task: TaskID | None = None

        def show(done: int, total: int) -> None:
            nonlocal task
            if task is None:  # what was done before does not count as speed
                task = progress.add_task("Evaluating", completed=done, total=total)
            progress.update(task, completed=done)

        return evaluate(predictor, dataset, output, model=model, limit=limit, progress=show)


def _painted(text: str, output: Path) -> Path:
    """The folder of scenes given as ``SEED:COUNT``, painted unless they are there."""
    match = re.fullmatch(r"(\d{1,9}):(\d{1,6})", text, re.ASCII)
    if not match or match[2] == "0":
        raise ConfigError(f"--scenes must be the first seed and how many, as in 0:500; got {text!r}.")
    first, count = int(match[1]), int(match[2])
    folder = output / f"scenes-{first}-{count}"
    if not (folder / "panoptic.json").exists():
        write_scenes(folder, count=count, seed=first, size="256x320")
    return folder
