"""Writing files so that nobody ever meets half of one."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to, which takes its place at the end, or vanishes upon an error."""
    partial = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all: an interrupted or failed write leaves the former content.

    Raises:
        OSError: it cannot be written.
    """
    with whole(path) as partial:
        partial.write_bytes(data)
