"""``swinpan bench``: measure time and memory on this machine."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from .console import err, one_line_errors, out
from .declare import command, flag, option
from .options import Dtype, DtypeOption
from .progress import busy

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def _read_model(text: str) -> Path:
    from ..checkpoints.load import as_path

    return as_path(text)


RunsOption = Annotated[int, option("N", "Number of measurements; the median counts.", min=1)]
ModelOption = Annotated[
    Path | None,
    option("DIR", "A model directory, or 'embedded'.", "random weights of the hub model's size", parser=_read_model),
]
PhotoOption = Annotated[Path | None, option("FILE", "A photo.", "a generated one, 640×427")]
DeviceOption = Annotated[str, option("NAME", "cpu, cuda or cuda:1.")]
MEBIBYTE = 2**20


@app.callback()
@one_line_errors()
def bench() -> None:
    """Measure time and memory on this machine, and print them as JSON; model also prints a table to standard error."""
    from ..benchmark.process import check_unbound

    check_unbound()


def print_figures(found: dict[str, Any]) -> None:
    """Print what was measured as JSON, after the processor that it was measured on."""
    from ..benchmark.process import processor

    out.print_json(data={"processor": processor(), **found})


@command(app, "model")
def bench_model(
    model: ModelOption = None,
    image: PhotoOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compiled: Annotated[bool, flag("--compile", "Compile our model's layers first.")] = False,
    batch_size: Annotated[int, option("N", "Copies of the photo in one batch.", min=1)] = 1,
    against: Annotated[
        Literal["transformers"] | None,
        option("PEER", "Also measure a peer with the same weights, by turns: transformers."),
    ] = None,
    against_dtype: Annotated[
        Dtype, option("NAME", "Number format of the peer: float32, bfloat16 or float16.")
    ] = "float32",
    runs: RunsOption = 5,
    threads: Annotated[int | None, option("N", "Threads of PyTorch.", "PyTorch's default", min=1)] = None,
    neighbours: Annotated[int, option("N", "Other processes that keep a core busy each meanwhile.", min=0)] = 0,
) -> None:
    """Measure one photo from its file to its segments, stage by stage."""
    from ..benchmark.model import bench_model

    with busy("Measuring"):
        found = bench_model(
            model,
            image,
            device=device,
            dtype=dtype,
            compiled=compiled,
            batch_size=batch_size,
            against=against,
            against_dtype=against_dtype,
            runs=runs,
            threads=threads,
            neighbours=neighbours,
        )
    names = [name for name in ("ours", against) if name]
    for name in names:
        seconds = found[name]["seconds_all"]
        found[name]["spread"] = f"{min(seconds):.3f}–{max(seconds):.3f} s"
    err.print(_table(found, names))
    print_figures(found)


def _table(found: dict[str, Any], names: list[str]) -> Table:
    """Seconds of every stage and peak memory, with a column for each implementation."""
    columns = [found[name] for name in names]
    table = Table("", *(f"{name}, {column['dtype']}" for name, column in zip(names, columns, strict=True)))
    for stage in columns[0]["stages"]:
        table.add_row(stage, *(f"{column['stages'][stage]:.3f} s" for column in columns))
    table.add_section()
    table.add_row("all (median)", *(f"{column['seconds']:.3f} s" for column in columns))
    table.add_row("spread", *(column["spread"] for column in columns))
    table.add_row("segments", *(str(column["segments"]) for column in columns))
    table.add_row("peak memory", *(f"{column['peak_bytes'] / MEBIBYTE:.0f} MiB" for column in columns))
    if "ratio" in found:
        table.add_row("ours / peer", f"{found['ratio']:.2f}", "")
    return table


@command(app, "throughput")
def bench_throughput(
    model: ModelOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    batch_size: Annotated[list[int] | None, option("N", "Repeatable.", "1, 2, 4 and 8", min=1)] = None,
    images: Annotated[int, option("N", "Photos to segment at each batch size.", min=1)] = 16,
    compiled: Annotated[bool, flag("--compile", "Compile the model's layers first.")] = False,
    workers: Annotated[
        list[int] | None, option("N", "Also a run of N processes, as swinpan batch does it. Repeatable.", min=1)
    ] = None,
) -> None:
    """Measure images per second over many files, with decoding beside the model and without."""
    from ..benchmark.throughput import bench_throughput

    with busy("Measuring"):
        found = bench_throughput(model, device, dtype, batch_size or [1, 2, 4, 8], images, compiled, workers or [])
    print_figures(found)


@command(app, "serve")
def bench_serve(
    model: Annotated[Path | None, option("DIR", "A model directory.", "embedded", parser=_read_model)] = None,
    clients: Annotated[list[int] | None, option("N", "Simultaneous clients. Repeatable.", "1, 4, 16", min=1)] = None,
    requests: Annotated[int, option("N", "Requests for each number of clients.", min=1)] = 400,
    mask_format: Annotated[
        Literal["list", "rle", "png"], option("NAME", "Masks in the answer: list, rle or png.")
    ] = "rle",
) -> None:
    """Measure latency, throughput and memory of `modelscope server` with the plugin."""
    from ..benchmark.serving import bench_serve

    with busy("Measuring"):
        found = bench_serve(model, clients or [1, 4, 16], requests, mask_format)
    print_figures(found)
