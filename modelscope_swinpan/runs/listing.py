"""Finding the images of a batch: in a folder, by a pattern, or listed in a file."""

import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ..claims import claimed_paths
from ..errors import ConfigError
from ..images.sources import local_path
from .inputs import Entry, Inputs
from .lists import list_reader
from .tree import folders, image_files

EXPECTED = "a folder, a pattern such as 'photos/**/*.jpg', or a .txt, .csv, .jsonl or COCO .json file"


def open_inputs(
    given: str | os.PathLike[str], *, images: Path | None = None, leave_out: Path | None = None, strict: bool = False
) -> Inputs:
    """The images in a folder and those below it, or of a pattern, sorted; or those a file lists, in its order.

    In a folder, images are told by their suffix or, where that says nothing, by their first bytes. Links to folders are
    followed. The other kinds are told by their suffix:

    * ``.txt``: a path or URL a line; ``#`` begins a comment,
    * ``.csv``, ``.tsv`` and ``.jsonl``: the same in one of the columns :data:`~.lists.COLUMNS`,
    * ``.json``: a list of paths or of such objects, or COCO's ``images``, which keep their ids; it is held in memory.

    Relative paths start from the folder ``images``: by default the file's own, for COCO's JSON where its images usually
    are. Nothing in the folder ``leave_out``, which results are written to, is an input. If the inputs lie in it as
    well, only the results are left out. Whatever else is left out is counted (:attr:`~.inputs.Inputs.left_out`); with
    ``strict`` it is an error of the run.

    Raises:
        ConfigError: nothing of the kind is there.
        DatasetError: a JSON file is damaged.
    """
    given = local_path(os.fspath(given))
    path, left_out = Path(given), Counter[str]()
    if not given:  # an unset variable of a shell; as a path, this is the current folder
        raise ConfigError(f"The inputs are an empty text; expected {EXPECTED}.")
    entries: Callable[[], Iterator[Entry]] | None = None
    if path.is_dir():
        entries = partial(_in_folder, path.resolve(), _own_paths(leave_out, path), left_out)
    elif not path.exists() and glob.has_magic(given):
        given = os.path.expanduser(given)  # noqa: PTH111 (a pattern is no path)
        plain = itertools.takewhile(lambda part: not glob.has_magic(part), Path(given).parts)
        entries = partial(_matching, given, _own_paths(leave_out, Path(*plain)), left_out)
    elif path.is_file():
        entries = list_reader(path, images)
    if entries is None:
        what = "of a kind that lists no images" if path.exists() else "no such file or folder"
        raise ConfigError(f"{given}: {what}; expected {EXPECTED}.")
    return Inputs(entries=entries, left_out=left_out, strict=strict)


def _own_paths(output: Path | None, root: Path) -> frozenset[Path]:
    """The folders and files below ``root`` that are results in ``output``."""
    if output is None:
        return frozenset()
    inside = root.resolve() in output.resolve().parents
    return frozenset([output.resolve()] if inside else claimed_paths(output.resolve()))


def _in_folder(root: Path, own: frozenset[Path], left_out: "Counter[str]") -> Iterator[Entry]:
    left_out.clear()
    for folder in folders(root, left_out=left_out, own=own):
        for path in image_files(folder.files, left_out=left_out):
            yield Entry(path.relative_to(root).as_posix(), str(path))


def _matching(pattern: str, own: frozenset[Path], left_out: "Counter[str]") -> Iterator[Entry]:
    """Files that match, by the shell's rules. Their names are held, to be sorted."""
    left_out.clear()
    found = {*_expanded(pattern, left_out)} or {*_expanded(_literally(pattern), left_out)}
    if pattern.count("**") > 1:  # what one of them stands for, another may reach by a link
        found = {*{_place(name): name for name in sorted(found, key=len, reverse=True)}.values()}
    for path in map(Path, sorted(found)):
        real = Path(os.path.realpath(path))
        if not own.isdisjoint([real, *real.parents]):
            continue
        if real.is_dir():
            left_out["folder"] += 1
        else:
            yield Entry(path.as_posix(), str(path.absolute()))


def _expanded(pattern: str, left_out: "Counter[str]") -> Iterator[str]:
    """Paths that match; ``**`` stands for a folder and those below it, each once."""
    before, *after = re.split(r"(?:^|/)\*\*(?:/+|$)", pattern, maxsplit=1)
    if not after:
        yield from glob.iglob(pattern)  # noqa: PTH207 (takes no absolute pattern)
        return
    shown = Counter[str]()
    start = glob.iglob(before) if before else ["/" if pattern[0] == "/" else "."]  # noqa: PTH207
    for root in map(Path, start):
        for folder in folders(root, left_out=shown) if root.is_dir() else ():
            if after[0]:
                yield from _expanded(os.path.join(glob.escape(str(folder.path)), after[0]), left_out)  # noqa: PTH118
            else:
                yield from map(str, folder.files)
    left_out.update({why: count for why, count in shown.items() if not why.startswith("hidden")})


def _place(name: str) -> tuple[str, str]:
    folder, file = os.path.split(name)
    return os.path.realpath(folder), file


def _literally(pattern: str) -> str:
    """The pattern. The folders at its beginning are taken by their names, as far as there are such folders."""
    parts = [*Path(pattern).parts]
    known = Path()
    while parts and (known / parts[0]).exists():
        known /= parts.pop(0)
    return os.path.join(glob.escape(str(known)), *parts)  # noqa: PTH118
