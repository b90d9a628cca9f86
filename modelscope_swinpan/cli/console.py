"""What the commands say, and how they end."""

import errno
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer
from rich.console import Console
from rich.table import Table

from ..errors import ConfigError, SwinPanError, brief, is_short_of_memory

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Errors of a disk that takes no more, or no more of a file or a user."""
NO_LIBRARY = ("cannot open shared object file", "DLL load failed", "Library not loaded")
"""What Linux, Windows and macOS say of a package whose libraries are missing."""
ELSEWHERE = "The variable TMPDIR names another folder for temporary files."
_UNBOUNDED = 100_000  # characters


class SafeConsole(Console):
    """A console that never stops a run: what it cannot print is lost, the results are not.

    ``lost`` is the error that it met, to be told at the end. A reader that goes away, as ``head`` does, is no error.
    """

    lost: OSError | None = None

    def _check_buffer(self) -> None:  # what all printing ends in, that of bars and spinners as well
        try:
            super()._check_buffer()
        except OSError as error:  # newer versions of rich call on_broken_pipe for one kind
            self.lost = None if isinstance(error, BrokenPipeError) else error
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; Python, too, finds nothing to complain of at its end."""
        self.quiet = True
        with suppress(OSError, ValueError):  # tests have no file behind their streams
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


out = SafeConsole()
err = SafeConsole(stderr=True)


def print_any_character() -> None:
    """Have characters that standard output and standard error cannot print replaced, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors != "backslashreplace":  # standard error's own way
            stream.reconfigure(errors="replace")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the command with one line for errors that are not ours to debug: the package's own, and the machine's.

    Warnings take one line each, too, and do not end it. Neither does a full disk behind standard output, until the end.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: warn(str(message))
            yield
        if out.lost:
            raise OSError(f"Standard output could not be written: {out.lost.strerror}")
    except (SwinPanError, OSError, ImportError, MemoryError, RuntimeError) as error:
        message = _message(error)
        if message is None:
            raise
        complain(message)
        status = 2 if isinstance(error, ConfigError) else 1
        raise typer.Exit(status) from None


def _message(error: Exception) -> str | None:
    """What to say of an error; None where it is a mistake of a program."""
    if isinstance(error, SwinPanError):
        return str(error)
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, ImportError) and any(words in str(error) for words in NO_LIBRARY):
        advice = " On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0." if error.name == "cv2" else ""
        return f"{error.name} cannot be imported, as a library of the system is missing: {error}.{advice}"
    if is_short_of_memory(error) or "start new thread" in str(error):
        return f"This machine has too little memory, or allows too little or too few threads: {error}"
    return None


def _of_the_system(error: OSError) -> str:
    file, full = error.filename2 or error.filename, error.errno in FULL
    if error.strerror is None:
        return str(error)
    if file is None:
        place = ". This is standard output, or a temporary file" if full else ""
        hint = f". {ELSEWHERE}" if full or "temporary directory" in error.strerror else ""
        return f"{error.strerror}{place}{hint}"
    advice = ". Make room for it, and give the same command again." if full else ""
    return f"{file if isinstance(file, str) else repr(file)}: {error.strerror}{advice}"


def read_size(text: str) -> tuple[int, int]:
    """Height and width from a text such as '800x1216'; a ConfigError for any other form."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII | re.IGNORECASE)
    if not match:
        raise ConfigError(f"--size must be height and width in pixels, as in 800x1216; got {text!r}.")
    return int(match[1]), int(match[2])


def say(message: str) -> None:
    """One line of result."""
    out.print(message, markup=False, highlight=False, soft_wrap=True)


def show_table(table: Table) -> None:
    """Print a table. A terminal's width shortens it; a file or a pipe gets all cells whole, one line per row."""
    if out.is_terminal:
        out.print(table)
        return
    for line in out.render_lines(table, out.options.update(max_width=_UNBOUNDED), pad=False):
        say("".join(segment.text for segment in line).rstrip())


def complain(message: str) -> None:
    """One line of error."""
    _remark("Error", "red", message)


def warn(message: str) -> None:
    """One line of warning."""
    _remark("Warning", "yellow", message)


def _remark(kind: str, style: str, message: str) -> None:
    err.print(f"{kind}: {brief(' '.join(message.split()))}", style=style, markup=False, highlight=False, soft_wrap=True)
