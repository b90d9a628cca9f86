"""Write files atomically, so that no reader sees a partly written one, and derive file names from sources."""

import contextlib
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import urlsplit

PREFIX = ".swinpan-"
"""How the names of our temporary files begin. Nobody else's names do."""
MAX_JSON = 8 * 2**20
"""The largest JSON of a model that is read, in bytes. As objects it takes up to 30 times the memory."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``. It replaces ``path`` on success and is deleted on an error."""
    partial = path.with_name(f"{PREFIX}{uuid.uuid4().hex}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left in ``folder``. No other process may be writing there."""
    for leftover in folder.glob(f"{PREFIX}*.part"):
        leftover.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``. If the write fails or is interrupted, the file keeps its old content."""
    with atomic(path) as partial:
        partial.write_bytes(data)


def read_bounded(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most so many bytes.

    Raises:
        OSError: it cannot be read, is larger, or is none: a pipe would be waited for, a device never ends.
    """

    def at_once(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("not an ordinary file")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"larger than {most / 2**20:g} MiB")
    return content


def is_url(source: str) -> bool:
    """Whether a source is an http or https address rather than a path."""
    return source.lower().startswith(("http://", "https://"))


def file_stem(source: str) -> str:
    """The file name in a path or URL, without its suffix. Characters that file names cannot hold become ``_``."""
    path = urlsplit(source).path if is_url(source) else source
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", PurePath(path).stem)[:60] or "image"
