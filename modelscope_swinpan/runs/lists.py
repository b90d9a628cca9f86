"""Lists of images as people write them: a text file, a table, JSON lines, or a JSON file."""

import csv
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from ..coco.folder import image_sources
from ..coco.json import read_json
from ..coco.layout import find_images
from ..coco.values import Node
from ..errors import DatasetError
from ..files import is_url
from ..images.decode import ROW_KEYS
from ..images.sources import is_data_url, local_path
from .inputs import Entry

COLUMNS = (
    *ROW_KEYS,
    *("image_path", "image_file", "image_file_name", "image_url"),
    *("path", "file_path", "file_name", "full_name", "file", "img", "img_path", "url"),
)
"""The columns that may hold paths or addresses; the first one present is used. Case, blanks and ``_`` do not matter."""
_DELIMITERS = ",;\t|"
_QUOTES = {'"': '"', "'": "'", "“": "”"}


def list_reader(path: Path, images: Path | None) -> Callable[[], Iterator[Entry]] | None:
    """A function that yields the images listed in the file ``path``; None if its suffix is not that of a list.

    Relative paths start from the folder ``images``, by default the file's own, for COCO's JSON where its images are.

    Raises:
        DatasetError: a JSON file is damaged. Other lists are read as they are asked for, and raise then.
    """
    suffix, folder = path.suffix.lower(), (images or path.parent).resolve()
    if suffix == ".json":
        content = read_json(path)
        if not isinstance(content.value, list):
            return _coco(content, images or find_images(path))
        rows = [_named(item, f"{content.where}[{index}]") for index, item in enumerate(content.value)]
        return partial(_entries, rows, folder)
    lines = _LINES.get(suffix)
    return None if lines is None else partial(_listed, path, lines, folder)


def _listed(path: Path, lines: Callable[[TextIO, Path, Path], Iterator[str]], folder: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            encoding = json.detect_encoding(file.read(4))  # PowerShell writes UTF-16
        with path.open(encoding=encoding, newline="") as file:
            yield from _entries(lines(file, path, folder), folder)
    except UnicodeError as error:
        raise DatasetError(
            f"{path}: cannot be read as {getattr(error, 'encoding', 'text')}: {error}. Save the list as UTF-8."
        ) from None
    except (csv.Error, json.JSONDecodeError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from None


def _entries(names: Iterable[str], folder: Path) -> Iterator[Entry]:
    for name in names:
        if is_url(name):
            yield Entry(name, name)
        elif is_data_url(name):
            yield Entry(name.partition(",")[0], name)
        else:
            source = local_path(name, str(folder))
            yield Entry(name if "\\" in source else name.replace("\\", "/"), source)


def _text(file: TextIO, path: Path, folder: Path) -> Iterator[str]:
    """A path or address a line. Blank lines and comments (``#``) are passed over."""
    for line in file:
        name = _unquoted(line.strip())
        if name and (not name.startswith("#") or os.path.lexists(folder / name)):
            yield name


def _unquoted(name: str) -> str:
    return name[1:-1].strip() if len(name) > 1 and _QUOTES.get(name[0]) == name[-1] else name


def _table(file: TextIO, path: Path, folder: Path) -> Iterator[str]:
    """A table with a header. Spreadsheets separate its columns by semicolons where decimals have commas."""
    lines = itertools.dropwhile(lambda line: line.startswith("#TYPE"), file)  # PowerShell's Export-Csv
    first = next(lines, "")
    told = re.fullmatch(r'"?sep=(.)"?', first.strip())
    if told:
        first = next(lines, "")
    headers = {one: next(csv.reader([first], delimiter=one), []) for one in (told[1] if told else _DELIMITERS)}
    delimiter = max(headers, key=lambda one: (_column(headers[one]) is not None, len(headers[one])))
    if _column(headers[delimiter]) is None:
        raise _no_column(headers[delimiter], str(path))
    for number, row in enumerate(csv.DictReader(itertools.chain([first], lines), delimiter=delimiter), start=1):
        yield _named(row, f"{path}: row {number}")


def _objects(file: TextIO, path: Path, folder: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield _named(json.loads(line), f"{path}: line {number}")


_LINES = {".txt": _text, ".lst": _text, ".csv": _table, ".tsv": _table, ".jsonl": _objects, ".ndjson": _objects}


def _named(row: Any, where: str) -> str:
    """The path or address in a row, which may also be a mapping ``{'path': …}`` in its column, or be a text itself."""
    if isinstance(row, Mapping):
        column = _column(row)
        if column is None:
            raise _no_column(row, where)
        where, row = f"{where}: {column}", row[column]
        if isinstance(row, Mapping) and "path" in row:
            row = row["path"]
    elif not isinstance(row, str):
        raise DatasetError(f"{where} must be an object or a path; got {type(row).__name__}.")
    if not isinstance(row, str) or not row.strip():
        raise DatasetError(f"{where} must be a path or URL; got {str(row)[:80]!r}.")
    return row.strip()


def _column(columns: Iterable[Any]) -> Any:
    plain = {_plain(column): column for column in columns if isinstance(column, str)}
    return next((plain[_plain(name)] for name in COLUMNS if _plain(name) in plain), None)


def _plain(column: str) -> str:
    return re.sub(r"[\s_-]", "", column).casefold()


def _no_column(columns: Iterable[Any], where: str) -> DatasetError:
    found = ", ".join(repr(column)[:80] for column in itertools.islice(columns, 20)) or "none"
    return DatasetError(
        f"{where} must have a column that holds paths or URLs: {', '.join(map(repr, COLUMNS))}; its columns: {found}."
    )


def _coco(content: Node, folder: Path) -> Callable[[], Iterator[Entry]]:
    """The images of COCO's JSON."""
    found = [Entry(name, str(source), number) for number, name, source in image_sources(content, folder.resolve())]
    return lambda: iter(found)
