"""``swinpan bench``: time and memory."""

from pathlib import Path
from typing import Annotated

import typer

from .console import one_line_errors, out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure time and memory; prints JSON.")
RunsOption = Annotated[int, typer.Option(metavar="N", min=1, help="Fresh processes to measure in; the median counts.")]


@app.command("load")
def bench_load(
    model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A model directory.", show_default="random weights of the hub model's size"),
    ] = None,
    runs: RunsOption = 3,
) -> None:
    """Time and peak memory of loading a model, and of ModelScope's pipeline() over it."""
    from .. import benchmark

    with one_line_errors():
        out.print_json(data=benchmark.bench_load(model, runs))


@app.command("postprocess")
def bench_postprocess(
    width: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Width of the photo.")] = 4000,
    height: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Height of the photo.")] = 3000,
    queries: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Kept queries.")] = 30,
    runs: RunsOption = 3,
) -> None:
    """Time and peak memory of the panoptic fusion of one photo on the CPU."""
    from .. import benchmark

    with one_line_errors():
        out.print_json(data=benchmark.bench_postprocess(width, height, queries, runs))
