"""``swinpan export``: the network for other runtimes."""

from pathlib import Path
from typing import Annotated, Literal

from ..files import refuse_to_replace
from .console import read_size, say
from .declare import flag, option
from .options import ModelArgument
from .progress import busy


def export(
    model: ModelArgument,
    to: Annotated[
        Literal["onnx", "torch", "openvino"],
        option("FORM", "onnx, torch (torch.export, .pt2) or openvino (.xml and .bin)."),
    ],
    output: Annotated[Path, option("FILE", "File to write, of suffix .onnx, .pt2 or .xml.", dir_okay=False)],
    size: Annotated[
        list[str] | None,
        option(
            "HxW",
            "Padded height and width of the images, in pixels, multiples of 32. Again for more sizes: each "
            "then has a file of its own, FILE-HxW.",
            "that of a 3:2 landscape photo, 800x1216 for most models",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16"],
        option(
            "NAME",
            "Number format: float32, or float16 for half the size. Inputs and outputs are float32 in both.",
        ),
    ] = "float32",
    force: Annotated[
        bool, flag("--force", "Replace files beside FILE that are there: its .bin, and FILE-HxW.")
    ] = False,
) -> None:
    """Export the network, without pre- and post-processing.

    A file takes any number of images of one size. It is run once and compared with the model before it is kept. FILE
    itself is replaced if it is there, others only with --force.
    """
    sizes = [read_size(text) for text in size or []]
    several = [output.with_stem(f"{output.stem}-{height}x{width}") for height, width in sizes] if len(sizes) > 1 else []

    from ..inference.export import check_export

    for file in several or [output]:
        check_export(to, file, force=force)
    if not force:
        refuse_to_replace(several)

    from ..checkpoints.load import load_model
    from ..inference.export import default_size, export_model
    from ..plugin.hub import resolve_model

    with busy(f"Loading {model}"):
        loaded = load_model(resolve_model(model))
    for file, (height, width) in zip(several or [output], sizes or [default_size(loaded.config)], strict=True):
        with busy(f"Exporting {file}"):
            found = export_model(loaded, file, to=to, size=(height, width), dtype=dtype, force=force)
        say(
            f"{file}: {height}x{width} pixels; differs from the model by {found.relative:.1e} (relative), "
            f"{found.absolute:.1e} (largest)"
        )
