"""``swinpan eval``: panoptic quality and average precision on a dataset."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .console import err, out, say
from .options import DataOptions, EngineOptions, ModelOptions, OutputOption, grouped
from .progress import shown
from .scenes import scenes as write_scenes

if TYPE_CHECKING:
    from ..inference.predictor import Predictor


@grouped
def evaluate(
    output: OutputOption,
    how: ModelOptions,
    where: EngineOptions,
    truth: DataOptions,
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
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Look at the first N images only.", show_default="all")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Tell what changed since another evaluation of the same images: the folder of its report.",
            exists=True,
        ),
    ] = None,
) -> None:
    """Measure a model's quality on a dataset.

    Prints the model card's table. Writes report.html, a page that tells why the figures are what they are, the same as
    JSON and CSV, and the predictions, in COCO's formats. Give the same command again to go on with a run that was
    stopped, with any engine.
    """
    if (truth.data is None) == (scenes is None):
        raise ConfigError("Give either --data, a dataset, or --scenes, generated ones.")

    from ..claims import PURPOSE, Claim
    from ..evaluation import evaluate as evaluation
    from ..evaluation.report import FILES as REPORT_FILES

    scored = Claim(output, {PURPOSE: "scores of predictions"}, REPORT_FILES)
    seeds = None if scenes is None else _read_seeds(scenes)
    if predictions:
        scored.check()
    else:
        engine = where.build(partial(_load, how.anywhere()), how)
    path = _painted(*seeds, output, begins=predictions is None) if seeds else truth.data
    assert path is not None  # noqa: S101
    dataset = truth.open(path)
    if predictions:
        with err.status("Scoring"):
            report = evaluation.score(dataset, predictions, limit=limit, compare_with=compare)
        with scored.taken():
            report.save(output)
    else:
        with shown("Evaluating", out) as progress:
            report = evaluation.evaluate(
                engine.predictor,
                dataset,
                output,
                model=how.model,
                limit=limit,
                engine=engine,
                compare_with=compare,
                progress=progress,
            )
        say(f"Average precision looks at {report.evaluated['instance_rule']}.\n")
    say(report.table())
    if changes := report.changes():
        say(f"\n{changes}")
    say(f"\nThe report is in {output}")


def _load(how: ModelOptions, device: str | None) -> "Predictor":
    from ..evaluation.evaluate import for_scoring

    return for_scoring(how.load(device))


def _read_seeds(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9}):(\d{1,6})", text, re.ASCII)
    if not match or match[2] == "0":
        raise ConfigError(f"--scenes must be the first seed and how many, as in 0:500; got {text!r}.")
    return int(match[1]), int(match[2])


def _painted(first: int, count: int, output: Path, *, begins: bool) -> Path:
    """The folder of scenes in ``output``, painted unless they are there.

    If they are not, and a model's run ``begins`` with them, ``output`` must have room for that.
    """
    folder = output / f"scenes-{first}-{count}"
    if begins and not folder.exists():
        from ..claims import check_new
        from ..evaluation.evaluate import FILES

        check_new(output, FILES)
    write_scenes(folder, count=count, seed=first, size="256x320")
    return folder
