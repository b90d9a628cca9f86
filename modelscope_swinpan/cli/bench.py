"""``swinpan bench``: measure time and memory on this machine."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from .console import err, one_line_errors, out
from .options import Dtype, DtypeOption
from .progress import busy

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def _read_model(text: str) -> Path:
    from ..checkpoints.load import as_path

    return as_path(text)


RunsOption = Annotated[int, typer.Option(metavar="N", min=1, help="Number of measurements; the median counts.")]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        parser=_read_model,
        help="A model directory, or 'embedded'.",
        show_default="random weights of the hub model's size",
    ),
]
PhotoOption = Annotated[
    Path | None, typer.Option("--image", metavar="FILE", help="A photo.", show_default="a generated one, 640×427")
]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or cuda:1.")]
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


@app.command("model")
@one_line_errors()
def bench_model(
    model: ModelOption = None,
    image: PhotoOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile our model's layers first.")] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Copies of the photo in one batch.")] = 1,
    against: Annotated[
        Literal["transformers"] | None,
        typer.Option(metavar="PEER", help="Also measure a peer with the same weights, by turns: transformers."),
    ] = None,
    against_dtype: Annotated[
        Dtype, typer.Option(metavar="NAME", help="Number format of the peer: float32, bfloat16 or float16.")
    ] = "float32",
    runs: RunsOption = 5,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Threads of PyTorch.", show_default="PyTorch's default")
    ] = None,
    neighbours: Annotated[
        int, typer.Option(metavar="N", min=0, help="Other processes that keep a core busy each meanwhile.")
    ] = 0,
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


@app.command("throughput")
@one_line_errors()
def bench_throughput(
    model: ModelOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    batch_size: Annotated[
        list[int] | None, typer.Option(metavar="N", min=1, help="Repeatable.", show_default="1, 2, 4 and 8")
    ] = None,
    images: Annotated[int, typer.Option(metavar="N", min=1, help="Photos to segment at each batch size.")] = 16,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the model's layers first.")] = False,
    workers: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=1, help="Also a run of N processes, as swinpan batch does it. Repeatable."),
    ] = None,
) -> None:
    """Measure images per second over many files, with decoding beside the model and without."""
    from ..benchmark.throughput import bench_throughput

    with busy("Measuring"):
        found = bench_throughput(model, device, dtype, batch_size or [1, 2, 4, 8], images, compiled, workers or [])
    print_figures(found)


@app.command("serve")
@one_line_errors()
def bench_serve(
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=_read_model, help="A model directory.", show_default="embedded")
    ] = None,
    clients: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=1, help="Simultaneous clients. Repeatable.", show_default="1, 4, 16"),
    ] = None,
    requests: Annotated[int, typer.Option(metavar="N", min=1, help="Requests for each number of clients.")] = 400,
    mask_format: Annotated[
        Literal["list", "rle", "png"], typer.Option(metavar="NAME", help="Masks in the answer: list, rle or png.")
    ] = "rle",
) -> None:
    """Measure latency, throughput and memory of `modelscope server` with the plugin."""
    from ..benchmark.serving import bench_serve

    with busy("Measuring"):
        found = bench_serve(model, clients or [1, 4, 16], requests, mask_format)
    print_figures(found)
