"""Write files atomically, so that no reader sees a partly written one, and derive file names from sources."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from .errors import ConfigError

PREFIX, SUFFIX = ".swinpan-", ".part"
"""How the names of our temporary files begin and end. Nobody else's names do."""


BLOCK, DIGITS = 4096, 16
"""Bytes of each part of a file that :func:`sampled_digest` reads, and the length of the digest."""
_ADDRESS = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?(?://[^/?#]*)?([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)  # RFC 3986


def _temporary_name(folder: Path) -> Path:
    return folder / f"{PREFIX}{uuid.uuid4().hex}{SUFFIX}"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``. It replaces ``path`` on success and is deleted on an error.

    An OSError, such as a full disk's, names ``path``.
    """
    partial = _temporary_name(path.parent)
    try:
        with errors_named(path, partial):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def errors_named(path: Path, *partials: Path) -> Iterator[None]:
    """Make an OSError name ``path`` where it names no file, or one of ``partials``.

    Where it names a file in one of ``partials``, it then names the same file in ``path``.
    """
    try:
        yield
    except OSError as error:
        named = path if error.filename is None else _renamed((error.filename2, error.filename), path, partials)
        if error.errno is None or named is None:
            raise
        raise OSError(error.errno, error.strerror, str(named)) from None


def _renamed(names: Iterable[object], path: Path, partials: Iterable[Path]) -> Path | None:
    """The first of ``names`` that is one of ``partials`` or in it, with ``path`` in its place."""
    for partial in partials:
        for name in names:
            if isinstance(name, str) and Path(name).is_relative_to(partial):
                return path / Path(name).relative_to(partial)
    return None


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Make a folder in ``parent`` that is deleted at the end, with all that is still in it.

    ``parent`` is made where it is missing. If nothing else came into it, it is then deleted as well.
    """
    made = missing_folders(parent)
    parent.mkdir(parents=True, exist_ok=True)
    folder = _temporary_name(parent)
    try:
        with errors_named(parent, folder):
            folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remove_empty(made)


def missing_folders(folder: Path) -> list[Path]:
    """``folder`` and the folders around it that are not there, the innermost first."""
    return [path for path in (folder, *folder.parents) if not os.path.lexists(path)]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of ``folders`` that are empty, the innermost first."""
    for folder in folders:
        with contextlib.suppress(OSError):  # it is not empty
            folder.rmdir()


def is_temporary(path: Path) -> bool:
    """Whether a file or folder is one of our temporary ones, by its name."""
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files and folders that a killed process left. No other process may write to ``folder``."""
    for leftover in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``. If the write fails or is interrupted, the file keeps its old content."""
    with atomic(path) as partial:
        partial.write_bytes(data)


def save_torch(content: object, path: Path) -> None:
    """Write what ``torch.load`` reads.

    Raises:
        OSError: the file cannot be written, as where the disk is full.
    """
    import torch

    try:
        # Given a path, PyTorch would put its name into the archive, and hide the cause.
        with errors_named(path), path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:  # raised while PyTorch met the system's error
        cause = error.__context__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from None
        raise OSError(f"Cannot write {path}: {str(error).splitlines()[0]}") from None


def refuse_to_replace(files: Iterable[Path]) -> None:
    """Raise a ConfigError that names ``--force`` where one of ``files`` is there."""
    for path in files:
        if os.path.lexists(path):
            raise ConfigError(f"{path} exists, and would be replaced. Move it away, or replace it with --force.")


def is_endless(path: Path) -> bool:
    """Whether a path leads to a pipe, a device or a socket: reading one may never begin, or never end."""
    return path.exists() and not path.is_file() and not path.is_dir()


def leads_to_file(path: Path) -> bool:
    """Whether a path is that of a file, or is in a closed folder or too long: opening it tells why.

    From Python 3.14 on, ``Path.is_file`` does not tell these apart from a file that is missing.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)
    except ValueError:  # a null character
        return False


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading bytes.

    Raises:
        OSError: it cannot be opened, or is a pipe or a device, which may never answer or never end.
    """
    if is_endless(path):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    return path.open("rb")


def sampled_digest(path: str | Path, *, end: bytes = b"") -> str:
    """A digest of a file's size and of its content at the beginning, in the middle and at the end: of 12 KiB in all.

    Empty where the file cannot be read, or does not end with ``end``.
    """
    try:
        with open_file(Path(path)) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(size.to_bytes(8, "big"))
            block = b""
            for start in (0, (size - BLOCK) // 2, size - BLOCK):
                file.seek(max(start, 0))
                digest.update(block := file.read(BLOCK))
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()[:DIGITS] if block.endswith(end) else ""


def content_digest(*paths: Path) -> str:
    """SHA-256, in hexadecimal, of the content of files, one after another."""
    digest = hashlib.sha256()
    for path in paths:
        with open_file(path) as file:
            while piece := file.read(2**20):
                digest.update(piece)
    return digest.hexdigest()


def is_url(source: str) -> bool:
    """Whether a source is an http or https address rather than a path."""
    return source[:8].lower().startswith(("http://", "https://"))


def split_address(address: str) -> tuple[str, str, str]:
    """Scheme, path and query of an address. ``urllib`` raises an error where the host is malformed."""
    match = _ADDRESS.match(address)
    assert match is not None  # noqa: S101 (all parts may be missing)
    scheme, path, query = match.groups("")
    return scheme, path, query


def unicode_forms(name: str) -> Iterable[str]:
    """A name as it is, then in both normal forms of Unicode: é is one character, or two, as in files from a Mac."""
    return dict.fromkeys((name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)))


def file_stem(source: str) -> str:
    """The file name in a path or URL, without its suffix. Characters that file names cannot hold become ``_``.

    A backslash is a slash, as in the paths of Windows, whatever system this is.
    """
    path = split_address(source)[1] if is_url(source) else source
    return re.sub(r'[<>:"/|?*\x00-\x1f]', "_", PurePath(path.replace("\\", "/")).stem)[:60] or "image"
