"""``swinpan inspect``: what a checkpoint holds."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ..words import number_of
from .console import out
from .options import ModelArgument, NetworkOption
from .progress import busy

if TYPE_CHECKING:
    from ..checkpoints.inspection import Inspection


def inspect(model: ModelArgument, network: NetworkOption = None) -> None:
    """Show what a checkpoint holds.

    The file is read to hash it and to look for NaN. Its weights are not copied, so a large file needs little memory.
    """
    from ..checkpoints.inspection import inspect_checkpoint
    from ..plugin.hub import resolve_model

    with busy(f"Reading {model}"):
        found = inspect_checkpoint(resolve_model(model), network)
    out.print(_table(found), soft_wrap=True)


def _table(found: "Inspection") -> Table:
    from ..checkpoints.dialects.keymap import shorten
    from ..models.backbones import backbone_of

    config, classes = found.config, found.config.categories
    things = sum(category.isthing for category in classes)
    pixel_decoder, decoder = config.pixel_decoder, config.transformer_decoder
    rows = {
        "dialect": f"{found.dialect.name} ({found.dialect.title})",
        "backbone": backbone_of(config.backbone).summary(config.backbone),
        "pixel decoder": f"{pixel_decoder.num_layers} layers, {config.hidden_dim} channels, "
        f"FFN {pixel_decoder.ffn_dim}, {pixel_decoder.num_heads} heads, {pixel_decoder.num_levels} levels, "
        f"{pixel_decoder.num_points} points",
        "decoder": f"{decoder.num_layers} layers, {config.hidden_dim} channels, FFN {decoder.ffn_dim}, "
        f"{decoder.num_heads} heads, {decoder.num_queries} queries",
        "task": config.task,
        "classes": f"{len(classes)} ({things} things, {len(classes) - things} stuff): "
        + ", ".join(category.name for category in classes),
        "parameters": f"{found.parameters:,}",
        "dtype": ", ".join(found.dtypes),
    }
    if found.place:
        rows["taken from"] = found.place
    if found.not_finite:
        rows["damaged"] = (
            f"NaN or infinite numbers in {number_of(len(found.not_finite), 'weight')}, so the model cannot be used: "
            + shorten(found.not_finite)
        )
    if found.left_out:
        rows["left out"] = ", ".join(found.left_out)
    table = Table.grid(padding=(0, 2))
    for name, text in rows.items():
        table.add_row(name, Text(text))
    for file in found.files:
        table.add_row("file", Text(str(file.path)))
        table.add_row("size", f"{file.size:,} bytes")
        table.add_row("sha256", file.sha256)
    return table
