"""``swinpan dataset``: look at datasets, and make them."""

import typer

from .console import one_line_errors
from .dataset_check import check
from .dataset_show import show

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at datasets before training.")

for command in (check, show):
    app.command()(one_line_errors()(command))
