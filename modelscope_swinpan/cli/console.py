"""What the commands say, and how they end."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from ..errors import ConfigError, SwinPanError, brief

out = Console()
err = Console(stderr=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the command with one line for errors that are not ours to debug: the package's own, and the disk's.

    Warnings take one line each, too, and do not end it.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: warn(str(message))
            yield
    except (SwinPanError, OSError) as error:
        complain(str(error))
        status = 2 if isinstance(error, ConfigError) else 1
        raise typer.Exit(status) from None


def read_size(text: str) -> tuple[int, int]:
    """Height and width from a text such as '800x1216'; a ConfigError for any other form."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII | re.IGNORECASE)
    if not match:
        raise ConfigError(f"--size must be height and width in pixels, as in 800x1216; got {text!r}.")
    return int(match[1]), int(match[2])


def say(message: str) -> None:
    """One line of result."""
    out.print(message, markup=False, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """One line of error."""
    _remark("Error", "red", message)


def warn(message: str) -> None:
    """One line of warning."""
    _remark("Warning", "yellow", message)


def _remark(kind: str, style: str, message: str) -> None:
    err.print(f"{kind}: {brief(' '.join(message.split()))}", style=style, markup=False, highlight=False, soft_wrap=True)
