"""``swinpan dataset``: people's own annotations in, and datasets rearranged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import MofNCompleteColumn, Progress

from .console import one_line_errors, out, say, warn
from .options import Command, ListedOption

if TYPE_CHECKING:
    from ..data.report import ImportReport

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring annotations in, and rearrange datasets.")
SHOWN = 20
"""How many notes the console shows; the report's file has them all."""


def _formats() -> Any:
    from ..data.formats import FORMATS

    return FORMATS.values()


@app.command("import", cls=Command)
@one_line_errors()
def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The dataset: its folder, or its file.")],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write; made where it is missing.", file_okay=False)
    ],
    form: Annotated[str | None, ListedOption("--format", metavar="NAME", entries=_formats)] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the photos.",
            file_okay=False,
            exists=True,
            show_default="found by the format",
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The classes, a name a line: of the values 0, 1, … of label pictures, or of colours (name r g b); "
            "else the only ones to take.",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    things: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="The classes that are things; the others are stuff.")
    ] = None,
    stuff: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="The classes that are stuff; the others are things.")
    ] = None,
    overlap: Annotated[
        Literal["small", "order"],
        typer.Option(
            metavar="RULE",
            help="Which of two shapes owns what both cover: small, the smaller, or order, the later one.",
        ),
    ] = "small",
    semantic: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of label pictures with the photos' names: the stuff behind the shapes.",
            file_okay=False,
            exists=True,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="The split to take if the source has several, as in train.")
    ] = None,
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
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        report = import_dataset(
            given,
            output,
            form=form,
            choices=choices,
            progress=lambda photos: bar.track(photos, total=len(photos), description="Importing"),
        )
    _tell(report, output / REPORT)
    say(f"The dataset is in {output}")


def _tell(report: "ImportReport", path: Path) -> None:
    for note in report.notes[:SHOWN]:
        warn(str(note))
    if len(report.notes) > SHOWN:
        warn(f"{len(report.notes) - SHOWN} more are in {path}")
    say(report.summary())
