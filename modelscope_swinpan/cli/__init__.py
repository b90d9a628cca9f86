"""The ``swinpan`` command: panoptic segmentation of images from the shell, and checkpoints from one form to another.

Exit status: 0 when all went well, 1 when some images could not be segmented or the model could not be used, 2 when the
command line is wrong. What needs torch or ModelScope is imported where it is used, so that ``--help`` answers at once.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from .. import __version__
from . import batch, checkpoints, scenes, studio
from . import bench as measurements
from . import card as cards
from . import eval as evaluation
from . import export as exporting
from . import predict as images
from . import train as training
from .console import say

# Plain help: the rich one cuts long defaults off.
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, rich_markup_mode=None
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with ``arguments``, or else with those of the process, and exit."""
    sys.exit(app(args=arguments, prog_name="swinpan"))


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"swinpan {__version__}")
        raise typer.Exit


@app.callback()
def _swinpan(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Panoptic segmentation of images with Swin + Mask2Former."""


for command in (images.predict, images.demo, scenes.scenes):
    app.command()(command)
app.command(cls=checkpoints.Convert)(checkpoints.convert)
app.command()(checkpoints.inspect)
app.command()(exporting.export)
app.command("eval")(evaluation.evaluate)
app.command()(training.train)
app.command()(batch.batch)
app.command()(cards.card)
app.command()(studio.studio)
app.add_typer(measurements.app, name="bench")
