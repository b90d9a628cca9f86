"""Going through a folder and those below it, linked ones as well, and counting what is left out."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..images.kinds import HEAD, image_suffixes, why_no_image


class Folder(NamedTuple):
    """A folder's path, and the paths of its files, sorted; hidden ones are left out."""

    path: Path
    files: list[Path]


def folders(
    root: Path,
    *,
    left_out: "Counter[str]",
    own: frozenset[Path] = frozenset(),
    closed: Callable[[Path], None] = lambda path: None,
) -> Iterator[Folder]:
    """``root`` and the folders below it, each once, in sorted order. The names in one folder are held.

    Links to folders are followed, unless they lead to a folder that is listed anyway, and so never in a circle. Hidden
    folders, those that cannot be read and such links are counted in ``left_out``. ``closed`` is called with each one
    that cannot be read. Folders and files in ``own``, given without links, are passed over.
    """
    real, waiting, seen = root.resolve(), deque([root]), {_identity(root)}
    while waiting:
        path = waiting.popleft()
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            left_out["unreadable (folder)"] += 1
            closed(path)
            continue
        files, below = [], []
        here = path.resolve() if own else path
        for entry in entries:
            if own and (Path(os.path.realpath(entry)) if entry.is_symlink() else here / entry.name) in own:
                continue
            is_folder = _is_folder(entry)
            if entry.name[0] == ".":
                left_out["hidden (folder)" if is_folder else "hidden"] += 1
            elif not is_folder:
                files.append(Path(entry.path))
            elif _is_new(entry, real, seen):
                below.append(Path(entry.path))
            else:
                left_out["listed already (folder)"] += 1
        waiting.extendleft(reversed(below))
        yield Folder(path, files)


def image_files(files: list[Path], *, left_out: "Counter[str]") -> Iterator[Path]:
    """The images among the files of a folder: told by their suffix or else, where that says nothing, by first bytes."""
    suffixes = image_suffixes()
    for path in files:
        suffix = path.suffix.lower()
        why = None if suffix in suffixes else _why_not(path, suffix)
        if why is None:
            yield path
        else:
            left_out[why] += 1


def _why_not(path: Path, suffix: str) -> str | None:
    try:
        if not path.is_file():  # a pipe would block whoever opens it
            return "no file"
        with path.open("rb") as file:
            return why_no_image(suffix, file.read(HEAD))
    except OSError:
        return "unreadable"


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_new(entry: "os.DirEntry[str]", root: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was not met before, and would not be met without this link. From now on it counts as met."""
    path = Path(entry.path)
    try:
        identity = _identity(path)
        if entry.is_symlink():
            target = path.resolve()
            if target.is_relative_to(root) and not any(part[0] == "." for part in target.relative_to(root).parts):
                return False
    except OSError:  # it cannot be opened either; that is counted then
        return True
    new = identity not in seen
    seen.add(identity)
    return new


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
