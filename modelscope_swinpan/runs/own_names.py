"""Result files that bear the names of their photos, for tools that match the two by name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..categories import Category
from ..files import file_stem, is_url
from .inputs import writable

UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML or YAML cannot hold."""
_LONGEST = 250  # bytes of a part of a name; most disks take 255, with the suffix


def with_own_files(
    entries: Iterable[Mapping[str, Any]], folder: Path, suffix: str, *, flat: bool = False
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every entry with the path of its file below ``folder``: that of its photo's ``name``, with another ``suffix``.

    ``flat`` leaves out the folders of the name, for a tool that looks for all files in one folder.

    The folder that the file goes into is made. An entry also has a ``stem``, which no two have in common. It takes the
    place of a name that no file can have, or that an earlier photo has: ``cat.png`` after ``cat.jpg``, or ``Cat.jpg``,
    as some disks do not tell them apart. Where a photo bears another's stem as its name, a number is added.
    """
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for entry in entries:
        own, stem = own_name(entry["name"]), str(entry["stem"])
        if own and flat:
            own = PurePosixPath(own).name
        for name in chain([own] if own else [], [stem], (f"{stem}-{number}" for number in count(2))):
            seen = PurePosixPath(_as_disks_see(f"{name}{suffix}"))
            if seen not in files and seen not in folders and files.isdisjoint(seen.parents):
                break
        files.add(seen)
        folders.update(seen.parents)
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path, entry


def _as_disks_see(name: str) -> str:
    """One form for all names that some disk does not tell apart: without capitals, with composed letters."""
    return unicodedata.normalize("NFC", name).casefold()


def own_name(photo: str) -> str | None:
    """The path that a photo's name gives to a file below a folder, without suffix; None if it gives none."""
    path = PureWindowsPath(writable(photo))
    if is_url(photo) or path.root or ".." in path.parts:
        return file_stem(photo if is_url(photo) else path.name)
    posix = PurePosixPath(path.as_posix()).with_suffix("") if path.name else PurePosixPath()
    parts = [re.sub(r'[<>:"|?*\x00-\x1f]', "_", part) for part in posix.parts]
    if not parts or any(len(part.encode()) > _LONGEST or part.startswith(".") for part in parts):
        return None
    return "/".join(parts)


def class_names(categories: Sequence[Category]) -> dict[int, str]:
    """Names by category id, on one line, of characters that files can hold. Ids tell categories of one name apart."""
    lines = {category.id: UNWRITABLE.sub("_", " ".join(category.name.split())) or "class" for category in categories}
    times = Counter(lines.values())
    return {id_: name if times[name] == 1 else f"{name} ({id_})" for id_, name in lines.items()}
