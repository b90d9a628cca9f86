"""Finding the images of a batch: in a folder, by a pattern, or listed in a text, CSV, JSON-lines or COCO file."""

import csv
import glob
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from ..claims import claimed_paths
from ..coco.folder import image_sources
from ..coco.json import read_json
from ..coco.layout import find_images
from ..errors import ConfigError, DatasetError
from ..files import is_url
from ..images.decode import FORMATS, ROW_KEYS
from .inputs import Entry, Inputs

EXPECTED = "a folder, a pattern such as 'photos/**/*.jpg', or a .txt, .csv, .jsonl or COCO .json file"


def open_inputs(given: str, *, images: Path | None = None, leave_out: Path | None = None) -> Inputs:
    """The images in a folder and those below it, or of a pattern, sorted; or those a file lists, in its order.

    The kinds of files are told by their suffix:

    * ``.txt``: a path or URL a line,
    * ``.csv`` and ``.jsonl``: the same in a column ``InputImage:FILE`` or ``image``,
    * ``.json``: COCO's ``images``, which keep their ids; the only list that is held in memory.

    Relative paths start from the folder ``images``: by default the file's own, for COCO's JSON where its images usually
    are. What lies in the folder ``leave_out``, which results are written to, is no input; if the inputs lie in it as
    well, only the results are none.

    Raises:
        ConfigError: nothing of the kind is there.
        DatasetError: COCO's JSON is damaged.
    """
    path = Path(given)
    if path.is_dir():
        own = _own_paths(leave_out, path)
        return Inputs(entries=partial(_in_folder, path.resolve(), own))
    if not path.exists() and glob.has_magic(given):
        plain = itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)
        own = _own_paths(leave_out, Path(*plain))
        return Inputs(entries=partial(_matching, given, own))
    suffix = path.suffix.lower()
    if path.is_file() and suffix == ".json":
        return Inputs(entries=_coco(path, images or find_images(path)))
    if path.is_file() and suffix in _NAMES:
        return Inputs(entries=partial(_listed, path, _NAMES[suffix], (images or path.parent).resolve()))
    what = "of a kind that lists no images" if path.exists() else "no such file or folder"
    raise ConfigError(f"{given}: {what}; expected {EXPECTED}.")


def _own_paths(output: Path | None, root: Path) -> frozenset[Path]:
    """The folders and files below ``root`` that are results in ``output``."""
    if output is None:
        return frozenset()
    inside = root.resolve() in output.resolve().parents
    return frozenset([output.resolve()] if inside else claimed_paths(output.resolve()))


def _in_folder(folder: Path, own: frozenset[Path]) -> Iterator[Entry]:
    """Image files, told by their suffixes, in sorted order, without hidden ones. The names in one folder are held."""
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS}
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(parent, name) not in own)
        for path in (Path(parent, name) for name in sorted(files) if name[0] != "."):
            if path.suffix.lower() in suffixes and path not in own:
                yield Entry(path.relative_to(folder).as_posix(), str(path))


def _matching(pattern: str, own: frozenset[Path]) -> Iterator[Entry]:
    """Files that match, by the shell's rules. Their names are held, to be sorted."""
    for path in map(Path, sorted(glob.iglob(pattern, recursive=True))):  # noqa: PTH207 (takes no absolute pattern)
        if path.is_file() and own.isdisjoint([path.resolve(), *path.resolve().parents]):
            yield Entry(path.as_posix(), str(path.absolute()))


def _listed(path: Path, names: Callable[[Path], Iterator[str]], base: Path) -> Iterator[Entry]:
    """Images whose paths or URLs are in a file."""
    try:
        for name in names(path):
            yield Entry(name, name if is_url(name) else str(base / name))
    except (csv.Error, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from None


def _text(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        yield from filter(None, map(str.strip, file))


def _table(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            yield _image(row, f"{path}: row {number}")


def _objects(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _image(json.loads(line), f"{path}: line {number}")


_NAMES = {".txt": _text, ".csv": _table, ".jsonl": _objects}


def _image(row: Any, where: str) -> str:
    """The path or URL in a row."""
    if not isinstance(row, Mapping):
        raise DatasetError(f"{where} must be an object; got {type(row).__name__}.")
    key = next((key for key in ROW_KEYS if key in row), None)
    if key is None:
        found = ", ".join(map(repr, row)) or "none"
        raise DatasetError(f"{where} must have a column {' or '.join(map(repr, ROW_KEYS))}; its columns: {found}.")
    value = row[key]
    if not isinstance(value, str) or not value:
        raise DatasetError(f"{where}: {key} must be a path or URL; got {str(value)[:80]!r}.")
    return value


def _coco(path: Path, folder: Path) -> Callable[[], Iterator[Entry]]:
    """The images of COCO's JSON, read at once."""
    found = [Entry(name, source, number) for number, name, source in image_sources(read_json(path), folder.resolve())]
    return lambda: iter(found)
