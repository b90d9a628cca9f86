"""Writing files so that nobody ever meets half of one."""

import contextlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import urlsplit

PARTIAL = ".swinpan-"
"""How the names of our temporary files begin; nobody else's do."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to, which takes its place at the end, or vanishes upon an error."""
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed in :func:`whole` left in ``folder``, to which no other may write now."""
    for leftover in folder.glob(f"{PARTIAL}*.part"):
        leftover.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all: an interrupted or failed write leaves the former content.

    Raises:
        OSError: it cannot be written.
    """
    with whole(path) as partial:
        partial.write_bytes(data)


def file_stem(source: str) -> str:
    """The name of a path's or a URL's file, without its suffix; what a file name cannot hold becomes '_'."""
    path = urlsplit(source).path if source.lower().startswith(("http://", "https://")) else source
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", PurePath(path).stem)[:60] or "image"
