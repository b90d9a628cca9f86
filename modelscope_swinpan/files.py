"""Write files atomically, so that no reader sees a partly written one, and derive file names from sources."""

import codecs
import contextlib
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import urlsplit
from urllib.request import url2pathname

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


def is_data_url(source: str) -> bool:
    """Whether a source holds its content itself."""
    return source[:5].lower() == "data:"


def local_path(source: str, folder: str = "") -> str:
    """The path of a file that people name in a text: a path, which may begin with ``~``, or a ``file://`` address.

    Relative paths start from ``folder``. Backslashes are taken for slashes where there is no file of the name as it is
    written.
    """
    if source[:7].lower() == "file://":
        host, slash, path = source[7:].partition("/")
        if slash and host.lower() in ("", "localhost"):
            source = url2pathname(slash + path)
    written = os.path.join(folder, source)  # noqa: PTH118 (Path would drop './' and slashes at the end)
    if ("\\" in source or source.startswith("~")) and not os.path.lexists(written):
        other = os.path.join(folder, os.path.expanduser(source.replace("\\", "/")))  # noqa: PTH111, PTH118
        if os.path.lexists(other):
            return other
    return written


def text_encoding(path: Path) -> str:
    """The encoding of a text file: UTF-16 or UTF-32 where it begins like one, as PowerShell writes them, else UTF-8."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8-sig"


def file_stem(source: str) -> str:
    """The file name in a path or URL, without its suffix. Characters that file names cannot hold become ``_``."""
    path = urlsplit(source).path if is_url(source) else source
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", PurePath(path).stem)[:60] or "image"
