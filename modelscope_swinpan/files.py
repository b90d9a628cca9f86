"""Writing files so that nobody ever meets half of one."""

import uuid
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all: an interrupted or failed write leaves the former content.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
