"""``swinpan bench``: time and memory."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from .console import err, one_line_errors, out, read_size
from .options import DtypeOption, TileSideOption

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
RunsOption = Annotated[int, typer.Option(metavar="N", min=1, help="Measurements; the median counts.")]
ModelOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A model directory.", show_default="random weights of the hub model's size"),
]
DeviceOption = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or cuda:1.")]
MEGABYTE = 2**20


@app.callback()
def bench() -> None:
    """Measure time and memory; prints JSON, and where it helps a table beside it, on standard error."""
    from ..benchmark.process import check_unbound

    with one_line_errors():
        check_unbound()


@app.command("model")
def bench_model(
    model: ModelOption = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A photo.", show_default="a generated one, 640×427")
    ] = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile our model's layers first.")] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Copies of the photo in one batch.")] = 1,
    against: Annotated[
        Literal["transformers"] | None, typer.Option(metavar="PEER", help="transformers: the same weights in it.")
    ] = None,
    against_dtype: DtypeOption = "float32",
    runs: RunsOption = 5,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, help="Threads of PyTorch.")] = None,
) -> None:
    """Time and memory from a photo's file to its segments, in turns with a peer."""
    from ..benchmark.model import bench_model

    with one_line_errors():
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
        )
        err.print(_table(found, [name for name in ("ours", against) if name]))
        out.print_json(data=found)


def _table(found: dict[str, Any], sides: list[str]) -> Table:
    """Seconds of every stage and peak memory, a column for each side."""
    table = Table("", *(f"{side}, {found[side]['dtype']}" for side in sides))
    for stage in found[sides[0]]["stages"]:
        table.add_row(stage, *(f"{found[side]['stages'][stage]:.3f} s" for side in sides))
    table.add_section()
    table.add_row("all (median)", *(f"{found[side]['seconds']:.3f} s" for side in sides))
    for side in sides:
        seconds = found[side]["seconds_all"]
        found[side]["spread"] = f"{min(seconds):.3f}–{max(seconds):.3f} s"
    table.add_row("spread", *(found[side]["spread"] for side in sides))
    table.add_row("segments", *(str(found[side]["segments"]) for side in sides))
    table.add_row("peak memory", *(f"{found[side]['peak_bytes'] / MEGABYTE:.0f} MiB" for side in sides))
    if "ratio" in found:
        table.add_row("ours / peer", f"{found['ratio']:.2f}", "")
    return table


@app.command("int8")
def bench_int8(model: ModelOption = None, runs: RunsOption = 5) -> None:
    """One forward in int8, by ONNX Runtime on the exported file, in turns with ours in float32."""
    from ..benchmark.quantized import bench_int8

    with one_line_errors():
        out.print_json(data=bench_int8(model, runs))


@app.command("roofline")
def bench_roofline(
    model: ModelOption = None, device: DeviceOption = "cpu", dtype: DtypeOption = "float32", runs: RunsOption = 5
) -> None:
    """The least time one forward could take: its arithmetic at the measured rate of matrix products."""
    from ..benchmark.roofline import bench_roofline

    with one_line_errors():
        out.print_json(data=bench_roofline(model, device, dtype, runs))


@app.command("precision")
def bench_precision(
    model: Annotated[Path, typer.Option(metavar="DIR", help="A trained model's directory.")],
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A photo. Repeatable.", show_default="generated scenes")
    ] = None,
    scenes: Annotated[int, typer.Option(metavar="N", min=1, help="How many scenes.")] = 100,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "bfloat16",
) -> None:
    """Panoptic quality of a reduced precision, the answers of float32 being the truth."""
    from ..benchmark.precision import bench_precision

    with one_line_errors():
        out.print_json(data=bench_precision(model, image or [], scenes, device, dtype))


@app.command("random-model")
def random_model(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Model directory to write.")],
) -> None:
    """Write the model that the other commands measure by default, to make it once for all of them."""
    from ..benchmark.random_model import write_random_model

    with one_line_errors():
        write_random_model(directory)


@app.command("start")
def bench_start(
    model: ModelOption = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A photo.", show_default="a generated one, 640×427")
    ] = None,
    dtype: DtypeOption = "float32",
    runs: RunsOption = 3,
) -> None:
    """Time from the start of a process to the first photo's segments, by turns with transformers."""
    from ..benchmark.start import bench_start

    with one_line_errors():
        out.print_json(data=bench_start(model, image, dtype, runs))


@app.command("throughput")
def bench_throughput(
    model: ModelOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
    batch_size: Annotated[
        list[int] | None, typer.Option(metavar="N", min=1, help="Repeatable.", show_default="1, 2, 4 and 8")
    ] = None,
    images: Annotated[int, typer.Option(metavar="N", min=1, help="Photos to segment at each batch size.")] = 16,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the model's layers first.")] = False,
) -> None:
    """Images per second over many photo files, decoding and model overlapping or one after the other."""
    from ..benchmark.throughput import bench_throughput

    with one_line_errors():
        found = bench_throughput(model, device, dtype, batch_size or [1, 2, 4, 8], images, compiled)
        out.print_json(data=found)


@app.command("scale")
def bench_scale(
    plot: Annotated[Path, typer.Option(metavar="FILE", help="PNG to write.")] = Path("scale.png"),
    model: ModelOption = None,
    dtype: DtypeOption = "float32",
    runs: RunsOption = 1,
) -> None:
    """Time and memory as photos grow to 50 megapixels, and as kept queries grow to 200, as a plot."""
    from ..benchmark.scale import bench_scale

    with one_line_errors():
        out.print_json(data=bench_scale(model, plot, dtype, runs))


@app.command("metrics")
def bench_metrics(
    images: Annotated[int, typer.Option(metavar="N", min=1, help="Images with a hundred predictions each.")] = 500,
    runs: RunsOption = 3,
) -> None:
    """Time and memory of the metrics of an evaluation, by hotcoco and by pycocotools."""
    from ..benchmark.metrics import bench_metrics

    with one_line_errors():
        out.print_json(data=bench_metrics(images, runs))


@app.command("load")
def bench_load(model: ModelOption = None, runs: RunsOption = 3) -> None:
    """Time and peak memory of loading a model, and of ModelScope's pipeline() over it."""
    from ..benchmark.loading import bench_load

    with one_line_errors():
        out.print_json(data=bench_load(model, runs))


@app.command("postprocess")
def bench_postprocess(
    width: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Width of the photo.")] = 4000,
    height: Annotated[int, typer.Option(metavar="PIXELS", min=32, help="Height of the photo.")] = 3000,
    queries: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Kept queries.")] = 30,
    runs: RunsOption = 3,
) -> None:
    """Time and peak memory of the panoptic fusion of one photo on the CPU."""
    from ..benchmark.fusion import bench_postprocess

    with one_line_errors():
        out.print_json(data=bench_postprocess(width, height, queries, runs))


@app.command("serve")
def bench_serve(
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A model directory.", show_default="the embedded model")
    ] = None,
    clients: Annotated[
        list[int] | None, typer.Option(metavar="N", min=1, help="Clients at once. Repeatable.", show_default="1, 4, 16")
    ] = None,
    requests: Annotated[int, typer.Option(metavar="N", min=1, help="Requests for each number of clients.")] = 400,
    mask_format: Annotated[
        Literal["list", "rle", "png"], typer.Option(metavar="NAME", help="list, rle or png.")
    ] = "rle",
) -> None:
    """Latency, throughput and memory of `modelscope server` with the plugin."""
    from ..benchmark.serving import bench_serve

    with one_line_errors():
        out.print_json(data=bench_serve(model, clients or [1, 4, 16], requests, mask_format))


@app.command("tiles")
def bench_tiles(
    model: Annotated[Path, typer.Option(metavar="DIR", help="A model directory, trained on generated scenes.")],
    scenes: Annotated[int, typer.Option(metavar="N", min=1, help="How many scenes.")] = 10,
    size: Annotated[str, typer.Option(metavar="HxW", help="Their height and width in pixels.")] = "3000x4000",
    far: Annotated[
        float, typer.Option(metavar="F", min=1, max=20, help="Seen from so many times as high: things are that small.")
    ] = 12,
    tile_side: TileSideOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
) -> None:
    """Panoptic quality, time and memory on large scenes of small things, without tiles and with them."""
    from ..benchmark.tiles import bench_tiles

    with one_line_errors():
        out.print_json(data=bench_tiles(model, scenes, read_size(size), far, tile_side, device, dtype))
