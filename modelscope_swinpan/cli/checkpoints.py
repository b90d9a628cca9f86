"""``swinpan convert`` and ``swinpan inspect``: checkpoints of every dialect."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from .console import err, one_line_errors, out, say

if TYPE_CHECKING:
    from ..checkpoints.inspection import Inspection
    from ..config import Mask2FormerConfig

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model directory, a checkpoint file, or a ModelScope id to download.")
]


def convert(
    model: ModelArgument,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Model directory to write; made where it is missing.", file_okay=False)
    ],
    to: Annotated[
        Literal["native", "mmdet", "transformers"],
        typer.Option(
            metavar="FORM",
            help="native: safetensors, which load fastest. mmdet: mmdetection 2.x, which upstream reads. transformers: "
            "for Mask2FormerForUniversalSegmentation.from_pretrained.",
        ),
    ] = "native",
) -> None:
    """Convert a checkpoint of any dialect.

    The numbers and their format stay as they are. Files of the same names in DIR are replaced.
    """
    with one_line_errors():
        from ..checkpoints.load import open_model
        from ..checkpoints.save import save_pretrained
        from ..plugin.hub import resolve_model

        with err.status(f"Converting {model}"):
            save_pretrained(open_model(resolve_model(model)), directory, form=to)
        say(f"The model is in {directory}")


def inspect(model: ModelArgument) -> None:
    """Tell what a checkpoint holds.

    Its weights are not read into memory, so that a large one takes no longer than the sum over its bytes.
    """
    with one_line_errors():
        from ..checkpoints.inspection import inspect_checkpoint
        from ..plugin.hub import resolve_model

        with err.status(f"Reading {model}"):
            found = inspect_checkpoint(resolve_model(model))
        out.print(_table(found), soft_wrap=True)


def _table(found: "Inspection") -> Table:
    classes = found.config.categories
    things = sum(category.isthing for category in classes)
    table = Table.grid(padding=(0, 2))
    rows = {
        "dialect": f"{found.dialect.name} ({found.dialect.title})",
        **_architecture(found.config),
        "task": found.config.task,
        "classes": f"{len(classes)} ({things} things, {len(classes) - things} stuff): "
        + ", ".join(category.name for category in classes),
        "parameters": f"{found.parameters:,}",
        "dtype": ", ".join(found.dtypes),
    }
    for name, text in rows.items():
        table.add_row(name, Text(text))
    for file in found.files:
        table.add_row("file", Text(str(file.path)))
        table.add_row("size", f"{file.size:,} bytes")
        table.add_row("sha256", file.sha256)
    return table


def _architecture(config: "Mask2FormerConfig") -> dict[str, str]:
    from ..config import SwinConfig

    backbone, pixel_decoder, decoder = config.backbone, config.pixel_decoder, config.transformer_decoder
    if isinstance(backbone, SwinConfig):
        depths, heads = ("-".join(map(str, numbers)) for numbers in (backbone.depths, backbone.num_heads))
        what = f"Swin, {backbone.embed_dim} channels, {depths} blocks, {heads} heads, window {backbone.window_size}"
    else:
        what = f"ResNet-{backbone.depth}, stride in the {'1 × 1' if backbone.stride_in_1x1 else '3 × 3'} convolution"
    return {
        "backbone": what,
        "pixel decoder": f"{pixel_decoder.num_layers} layers, {config.hidden_dim} channels, "
        f"FFN {pixel_decoder.ffn_dim}, {pixel_decoder.num_heads} heads, {pixel_decoder.num_levels} levels, "
        f"{pixel_decoder.num_points} points",
        "decoder": f"{decoder.num_layers} layers, {config.hidden_dim} channels, FFN {decoder.ffn_dim}, "
        f"{decoder.num_heads} heads, {decoder.num_queries} queries",
    }
