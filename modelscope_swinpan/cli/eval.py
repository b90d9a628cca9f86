"""``swinpan eval``: panoptic quality and average precision on a dataset."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..errors import ConfigError
from .console import out, say
from .declare import flag, option
from .options import DataOptions, EngineOptions, ModelOptions, OutputOption
from .progress import busy, shown
from .scenes import painted

if TYPE_CHECKING:
    from ..inference.predictor import Predictor


def evaluate(
    output: OutputOption,
    how: ModelOptions,
    where: EngineOptions,
    truth: DataOptions,
    scenes: Annotated[
        int | None,
        option("N", "Paint N generated scenes and take them instead of a dataset; kept in the output.", min=1),
    ] = None,
    seed: Annotated[int | None, option("S", "The seed of the first scene; others follow it.", "0", min=0)] = None,
    predictions: Annotated[
        Path | None, option("DIR", "Score a folder in COCO's panoptic format instead of running a model.", exists=True)
    ] = None,
    limit: Annotated[int | None, option("N", "Look at the first N images only.", "all", min=1)] = None,
    compare: Annotated[
        Path | None,
        option(
            "DIR",
            "Tell what changed since another evaluation of the same images: the folder of its report.",
            exists=True,
        ),
    ] = None,
    thresholds: Annotated[
        bool, flag("--thresholds", "Tell PQ with other thresholds, too, at some cost; not with --tiles.")
    ] = False,
) -> None:
    """Measure a model's quality on a dataset.

    Prints the model card's table. Writes report.html, a page that tells why the figures are what they are, the same as
    JSON and CSV, and the predictions, in COCO's formats. Give the same command again to go on with a run that was
    stopped, with any engine.
    """
    if (truth.data is None) == (scenes is None):
        raise ConfigError("Give either --data, a dataset, or --scenes, how many to generate.")
    if thresholds and predictions:
        raise ConfigError(
            "--thresholds needs a run of a model. With --predictions leave it out: what such a run kept is read anyway."
        )
    if predictions and (how, where) != (ModelOptions(), EngineOptions()):
        raise ConfigError(
            "--predictions scores a folder, without a model. Leave out the options of a model and its run, such as "
            "--model, --device and --workers."
        )
    seeds = _held_out(scenes, seed)

    from ..claims import PURPOSE, Claim
    from ..evaluation import evaluate as evaluation
    from ..evaluation.report import FILES as REPORT_FILES

    scored = Claim(output, {PURPOSE: "scores of predictions"}, REPORT_FILES)
    if predictions:
        scored.check()
    else:
        engine = where.build(partial(_load, how.anywhere(), thresholds), how)
    with _painted(seeds, output, begins=predictions is None) if seeds else nullcontext() as path:
        dataset = truth.open(path)
        if predictions:
            with busy("Scoring"):
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
                    thresholds=thresholds,
                    progress=progress,
                )
            say(f"Average precision looks at {report.evaluated['instance_rule']}.\n")
    say(report.table())
    if changes := report.changes():
        say(f"\n{changes}")
    say(f"\nThe report is in {output}")


def _load(how: ModelOptions, thresholds: bool, device: str | None) -> "Predictor":
    from ..evaluation.evaluate import for_scoring

    return for_scoring(how.load(device), thresholds=thresholds)


def _held_out(count: int | None, seed: int | None) -> range | None:
    """The seeds of the scenes to paint; a ConfigError if one of them is for training."""
    if count is None:
        if seed is not None:
            raise ConfigError("--seed belongs to --scenes.")
        return None

    from ..scenes.dataset import TRAINING_SEEDS

    seeds = range(seed or 0, (seed or 0) + count)
    if seeds.stop > TRAINING_SEEDS:
        raise ConfigError(
            f"{count} scenes from seed {seeds.start} on end at {seeds.stop - 1}, but seeds from {TRAINING_SEEDS} on "
            "are for training: a model may have seen those scenes. Give a smaller --seed or fewer --scenes."
        )
    return seeds


def _painted(seeds: range, output: Path, *, begins: bool) -> AbstractContextManager[Path]:
    """The folder of scenes in ``output``, painted unless they are there.

    If they are not, and a model's run ``begins`` with them, ``output`` must be free for that run.
    """
    folder = output / f"scenes-{seeds.start}-{len(seeds)}"
    if begins and not folder.exists():
        from ..claims import check_new
        from ..evaluation.evaluate import FILES

        check_new(output, FILES)
    return painted(folder, within=output, count=len(seeds), seed=seeds.start)
