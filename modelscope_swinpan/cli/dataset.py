"""``swinpan dataset``: people's own annotations in, datasets looked at and rearranged."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .console import say, warn
from .dataset_check import check
from .dataset_show import show
from .declare import ListedOption, argument, command, folder, option
from .options import DatasetArgument, OutputOption
from .progress import tracking

if TYPE_CHECKING:
    from ..data.report import Report

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bring annotations in, look at datasets, rearrange them."
)
SHOWN = 20
"""How many notes the console shows; the report's file has them all."""


def _formats() -> Any:
    from ..data.formats import FORMATS

    return FORMATS.values()


SplitOption = Annotated[
    str | None, option("NAME", "The split to take if there are several, as in train2017.", name="--split")
]


@command(app, "import")
def import_(
    source: Annotated[Path, argument("SOURCE", "The dataset: its folder, or its file.")],
    output: OutputOption,
    form: Annotated[str | None, ListedOption("--format", _formats)] = None,
    images: Annotated[Path | None, folder("Folder of the photos.", "found by the format")] = None,
    classes: Annotated[
        Path | None,
        option(
            "FILE",
            "The classes, one name per line. Label pictures: those of the values 0, 1, … or of colours (name r g b). "
            "Other formats: the only ones to take.",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    things: Annotated[str | None, option("NAME,…", "The classes that are things; the others are stuff.")] = None,
    stuff: Annotated[str | None, option("NAME,…", "The classes that are stuff; the others are things.")] = None,
    overlap: Annotated[
        Literal["small", "order"],
        option("RULE", "Which of two shapes owns what both cover: small, the smaller, or order, the later one."),
    ] = "small",
    semantic: Annotated[
        Path | None, folder("Folder of label pictures with the photos' names: the stuff behind the shapes.")
    ] = None,
    split: SplitOption = None,
) -> None:
    """Bring annotations of another tool into COCO's panoptic format, which train and eval read.

    Writes panoptic.json, its PNGs, copies of the photos, and import.json: counts, and a line for all that was left out
    or is odd. The source stays as it is. A folder that holds anything else is refused.
    """
    from ..data.class_list import named_in, read_classes
    from ..data.formats import Given
    from ..data.importing import REPORT, Choices, import_dataset

    given = Given(source, images=images, classes=None if classes is None else read_classes(classes), split=split)
    choices = Choices(
        things=None if things is None else named_in(things),
        stuff=None if stuff is None else named_in(stuff),
        overlap=overlap,
        semantic=semantic,
    )
    _write(partial(import_dataset, given, output, form=form, choices=choices), output, REPORT)


@command(app)
def remap(
    data: DatasetArgument,
    classes: Annotated[Path, option("FILE", "YAML: new names, and the old ones that become them.", exists=True)],
    output: OutputOption,
    split: SplitOption = None,
) -> None:
    """Rename, join or leave out classes of a dataset.

    A line of FILE is a new name and the old ones, as in 'vehicle: [car, truck]'. What becomes void is no class any
    more. Classes that are not named stay.
    """
    from ..coco.reader import CocoPanoptic
    from ..data.remap import read_mapping, remap_dataset

    targets = read_mapping(classes)
    _write(partial(remap_dataset, CocoPanoptic.open(data, split=split), targets, output), output)


@command(app)
def split(
    data: DatasetArgument,
    output: OutputOption,
    parts: Annotated[
        str, option("NAME=SHARE,…", "The parts, with their shares of the images or numbers of images.")
    ] = "train=0.8,val=0.2",
    seed: Annotated[int, option("S", "Decides which image comes into which part.", min=0)] = 0,
    of: SplitOption = None,
) -> None:
    """Split a dataset into parts, each in a folder of its name.

    Photos of the same content stay in one part. Classes that a part lacks are named.
    """
    from ..coco.reader import CocoPanoptic
    from ..data.split import read_parts, split_dataset

    shares = read_parts(parts)
    dataset = CocoPanoptic.open(data, split=of)
    with tracking("Writing") as progress:
        reports = split_dataset(dataset, shares, output, seed=seed, progress=progress)
    for name, report in reports.items():
        say(f"{output / name}:")
        _tell(report)


@command(app)
def merge(
    data: Annotated[list[Path], argument("DIR…", "COCO panoptic datasets: folders or JSON files.", exists=True)],
    output: OutputOption,
) -> None:
    """Make one dataset of several.

    Classes of one name are one class. A photo of the same content as one before is left out, and named.
    """
    from ..coco.reader import CocoPanoptic
    from ..data.merge import merge_datasets

    _write(partial(merge_datasets, [CocoPanoptic.open(path) for path in data], output), output)


def _write(make: "Callable[..., Report]", output: Path, file: str | None = None) -> None:
    """Write a dataset, and tell what is in it; ``file`` has all notes."""
    with tracking("Writing") as progress:
        report = make(progress=progress)
    _tell(report, None if file is None else output / file)
    say(f"The dataset is in {output}")


def _tell(report: "Report", path: Path | None = None) -> None:
    """The counts, and the first notes; ``path`` has the rest."""
    for note in report.notes[:SHOWN]:
        warn(str(note))
    if len(report.notes) > SHOWN:
        warn(f"{len(report.notes) - SHOWN} more" + ("" if path is None else f" are in {path}"))
    say(report.summary())


for shared in (check, show):
    command(app)(shared)
