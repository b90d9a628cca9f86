"""``swinpan batch``: any number of images into files, in this process or on a cluster."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..errors import ConfigError, SwinPanError
from ..runs.registry import FORMATS
from .console import err, say, warn
from .declare import ListedOption, argument, flag, folder, option
from .options import EngineOptions, ModelOptions, OutputOption, TaskOption, ThresholdOptions, given_thresholds
from .progress import line, shown

if TYPE_CHECKING:
    from ..runs.inputs import Inputs


def batch(
    inputs: Annotated[
        str,
        argument(
            "INPUTS",
            "A folder; a quoted pattern ('photos/**/*.jpg'); a list: .txt with a path or URL a line, .csv or "
            ".jsonl with a column such as 'image', 'path' or 'file_name', COCO's .json; or the id of an MsDataset.",
        ),
    ],
    output: OutputOption,
    how: ModelOptions,
    where: EngineOptions,
    thresholds: ThresholdOptions,  # type: ignore[valid-type]
    form: Annotated[
        list[str], ListedOption("--format", lambda: [known for known in FORMATS.values() if known.sink])
    ] = ["coco"],  # noqa: B006 (nothing changes it)
    task: TaskOption = None,
    images: Annotated[
        Path | None,
        folder(
            "Folder that the paths in a list start from.",
            "the list's own; for COCO's JSON, where its images usually are",
        ),
    ] = None,
    strict: Annotated[bool, flag("--strict", "Refuse to begin where files in a folder are left out.")] = False,
    split: Annotated[str | None, option("NAME", "Split of an MsDataset.")] = None,
    subset: Annotated[str | None, option("NAME", "Subset of an MsDataset.")] = None,
) -> None:
    """Segment any number of images into files.

    Images that cannot be segmented are listed in errors.jsonl with the reason, the others go on, and the exit status is
    1. Give the same command again to go on with a run that was stopped, with any engine. A folder that holds another
    run's results is refused. The last line counts what was found in a folder but is no image, by reason.
    """
    from ..runs.registry import make_sinks

    sinks = make_sinks(sorted({*form}))  # in one order, so that a stopped run goes on however they are given
    listed = _inputs(inputs, images, split, subset, output, strict)
    engine = where.build(partial(how.anywhere().load, task=task, thresholds=given_thresholds(thresholds)), how)

    from ..runs.inputs import describe_left_out
    from ..runs.run import run_images

    with shown("Segmenting", err) as progress:
        reached = run_images(engine.predictor, listed, output, sinks=sinks, engine=engine, progress=progress)
    if ".heic" in reached.left_out:
        warn("HEIC photos need pillow-heif: pip install 'modelscope_swinpan[heif]'.")
    say(f"{line(reached)}\nThe results are in {output}")
    if reached.left_out:
        say(describe_left_out(reached.left_out))
    if reached.failed:
        raise SwinPanError(f"{reached.failed} of {reached.total} images have no result; see {output / 'errors.jsonl'}.")


def _inputs(
    given: str, images: Path | None, split: str | None, subset: str | None, output: Path, strict: bool
) -> "Inputs":
    from ..card.hub_id import is_hub_id

    if is_hub_id(given):
        from ..plugin.row_inputs import row_inputs

        return row_inputs(given, split=split, subset=subset)
    if split or subset:
        raise ConfigError(f"--split and --subset are for an MsDataset; {given} is no id of one.")

    from ..runs.listing import open_inputs

    return open_inputs(given, images=images, leave_out=output, strict=strict)
