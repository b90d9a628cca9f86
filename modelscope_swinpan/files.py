"""Write files atomically, so that no reader sees a partly written one, and derive file names from sources."""

import contextlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import urlsplit

PREFIX = ".swinpan-"
"""How the names of our temporary files begin. Nobody else's names do."""


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


def is_url(source: str) -> bool:
    """Whether a source is an http or https address rather than a path."""
    return source.lower().startswith(("http://", "https://"))


def file_stem(source: str) -> str:
    """The file name in a path or URL, without its suffix. Characters that file names cannot hold become ``_``."""
    path = urlsplit(source).path if is_url(source) else source
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", PurePath(path).stem)[:60] or "image"
