"""``swinpan convert``: checkpoints from one dialect to another."""

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

from .console import say
from .declare import ListedOption, argument, flag
from .options import ModelArgument, NetworkOption
from .progress import busy


def _dialects() -> list[SimpleNamespace]:
    from ..checkpoints.dialects import writers

    return [SimpleNamespace(name=name, help=writer.purpose) for name, writer in writers().items()]


def convert(
    model: ModelArgument,
    directory: Annotated[Path, argument("DIR", "Model directory to write; made where it is missing.", file_okay=False)],
    to: Annotated[str, ListedOption("--to", _dialects)] = "native",
    network: NetworkOption = None,
    force: Annotated[bool, flag("--force", "Replace files of the same names that are in DIR.")] = False,
) -> None:
    """Convert a checkpoint of any dialect.

    Weights keep their values and number format. Nothing in DIR is replaced without --force.
    """
    from ..checkpoints.dialects import writable

    writable(to)

    from ..checkpoints.load import open_model
    from ..checkpoints.save import save_pretrained
    from ..plugin.hub import resolve_model

    with busy(f"Converting {model}"):
        save_pretrained(open_model(resolve_model(model), network), directory, form=to, replace=force)
    say(f"The model is in {directory}")
