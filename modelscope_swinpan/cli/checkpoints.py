"""``swinpan convert`` and ``swinpan inspect``: checkpoints of every dialect."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from .console import err, one_line_errors, out, say

if TYPE_CHECKING:
    from ..checkpoints.inspection import Inspection
    from ..config import Mask2FormerConfig

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model directory, a checkpoint file, or a ModelScope id to download.")
]


class Convert(TyperCommand):
    """The command ``convert``. Its help lists the dialects that are registered when it is shown."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        from ..checkpoints.dialects import writers

        for parameter in self.params:
            if parameter.name == "to":
                forms = "; ".join(f"{name}: {writer.purpose}" for name, writer in writers().items())
                parameter.help = f"Dialect to write. {forms}."  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def convert(
    model: ModelArgument,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Model directory to write; made where it is missing.", file_okay=False)
    ],
    to: Annotated[str, typer.Option(metavar="FORM", help="Dialect to write.")] = "native",
) -> None:
    """Convert a checkpoint of any dialect.

    Weights keep their values and number format. Files of the same names in DIR are replaced.
    """
    with one_line_errors():
        from ..checkpoints.dialects import writable

        writable(to)

        from ..checkpoints.load import open_model
        from ..checkpoints.save import save_pretrained
        from ..plugin.hub import resolve_model

        with err.status(f"Converting {model}"):
            save_pretrained(open_model(resolve_model(model)), directory, form=to)
        say(f"The model is in {directory}")


def inspect(model: ModelArgument) -> None:
    """Show what a checkpoint holds.

    The file is read once, to hash it. Its weights are not loaded, so a large file needs little memory.
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
    from ..models.backbones import backbone_of

    pixel_decoder, decoder = config.pixel_decoder, config.transformer_decoder
    return {
        "backbone": backbone_of(config.backbone).summary(config.backbone),
        "pixel decoder": f"{pixel_decoder.num_layers} layers, {config.hidden_dim} channels, "
        f"FFN {pixel_decoder.ffn_dim}, {pixel_decoder.num_heads} heads, {pixel_decoder.num_levels} levels, "
        f"{pixel_decoder.num_points} points",
        "decoder": f"{decoder.num_layers} layers, {config.hidden_dim} channels, FFN {decoder.ffn_dim}, "
        f"{decoder.num_heads} heads, {decoder.num_queries} queries",
    }
