"""``python -m benchmarks NAME``: run one measurement and print it as JSON."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from modelscope_swinpan.benchmark.process import check_unbound
from modelscope_swinpan.benchmark.random_model import write_random_model
from modelscope_swinpan.cli.bench import print_figures
from modelscope_swinpan.cli.console import one_line_errors

from .int8 import bench_int8
from .load import bench_load
from .metrics import bench_metrics
from .postprocess import bench_postprocess
from .precision import bench_precision
from .roofline import bench_roofline
from .scale import bench_scale
from .start import bench_start
from .tiles import bench_tiles
from .tutorial import bench_tutorial

P = ParamSpec("P")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, rich_markup_mode=None
)


@app.callback()
def benchmarks() -> None:
    """Measure what the developers of modelscope_swinpan watch, and print it as JSON."""
    with one_line_errors():
        check_unbound()


@app.command("random-model")
def random_model(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Model directory to write.")],
) -> None:
    """Write the random model that is measured by default, to make it only once for several measurements."""
    with one_line_errors():
        write_random_model(directory)


def _printed(measurement: Callable[P, dict[str, Any]]) -> Callable[P, None]:
    @functools.wraps(measurement)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        with one_line_errors():
            print_figures(measurement(*args, **kwargs))

    return command


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "int8": bench_int8,
    "load": bench_load,
    "metrics": bench_metrics,
    "postprocess": bench_postprocess,
    "precision": bench_precision,
    "roofline": bench_roofline,
    "scale": bench_scale,
    "start": bench_start,
    "tiles": bench_tiles,
    "tutorial": bench_tutorial,
}
for name, measurement in MEASUREMENTS.items():
    app.command(name)(_printed(measurement))

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
