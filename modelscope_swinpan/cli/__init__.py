"""The ``swinpan`` command: panoptic segmentation of images from the shell, and checkpoints from one form to another.

Exit status: 0 when all went well, 1 when some images could not be segmented or the model could not be used, 2 when the
command line is wrong. What needs torch or ModelScope is imported where it is used, so that ``--help`` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..errors import SwinPanError
from . import batch, bench, card, convert, dataset, demo, export, inspect, predict, scenes, serve, studio, train
from . import eval as eval_
from .console import one_line_errors, print_any_character, say
from .declare import command

# Plain help: the rich one cuts long defaults off.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, rich_markup_mode=None)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with ``arguments``, or else with those of the process, and exit."""
    print_any_character()
    _have_a_home()
    try:
        with one_line_errors():  # also those of --help, and of what options import
            _check_current_folder()
            sys.exit(app(args=arguments, prog_name="swinpan"))
    except typer.Exit as ended:
        sys.exit(ended.exit_code)


def _have_a_home() -> None:
    """Set a home folder where the system knows none, as in some containers: importing ModelScope needs one."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.sep


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"swinpan {__version__}")
        raise typer.Exit


def _check_current_folder() -> None:
    """Raise a SwinPanError where it was removed: PyTorch's libraries would end the process with other words."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise SwinPanError("The current folder was removed. Change to one that is there.") from None


@app.callback()
def _swinpan(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Panoptic segmentation of images with Swin + Mask2Former."""


for run in (
    predict.predict,
    batch.batch,
    demo.demo,
    serve.serve,
    studio.studio,
    scenes.scenes,
    train.train,
    convert.convert,
    inspect.inspect,
    export.export,
    card.card,
):
    command(app)(run)
command(app, "eval")(eval_.evaluate)
app.add_typer(bench.app, name="bench")
app.add_typer(dataset.app, name="dataset")
