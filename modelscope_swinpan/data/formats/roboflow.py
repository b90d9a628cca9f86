"""Roboflow's semantic masks: ``NAME_mask.png`` beside each photo, one number per class, and ``_classes.csv``.

Roboflow's other exports are COCO's and YOLO's.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from ...errors import DatasetError
from ..class_list import ListedClass
from ..drawn import Source
from ..files import photos_below, read_lines
from ..report import Report
from .registry import DatasetFormat, Given
from .semantic import background_is_void, paired

LIST = "_classes.csv"
MASK = "_mask.png"
_HEAD = "pixel value"


def _recognises(given: Given) -> bool:
    folders = _splits(given.path).values() if given.path.is_dir() else ()
    return any(_is_list(folder / LIST) and next(folder.glob(f"*{MASK}"), None) is not None for folder in folders)


def _is_list(path: Path) -> bool:
    """Whether it lists numbers. Roboflow's classification exports have a file of the same name that lists photos."""
    with path.open("rb") as file:
        return file.read(len(_HEAD) + 8).decode("latin-1").lstrip("\ufeffï»¿\"' ").lower().startswith(_HEAD)


def _splits(root: Path) -> dict[str, Path]:
    """The folders with a list of classes: the source itself, or those in it by their names."""
    if (root / LIST).is_file():
        return {root.name: root}
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{LIST}")) if path.is_file()}


def _read(given: Given, report: Report) -> Source:
    splits = _splits(given.folder)
    if not splits:
        raise DatasetError(f"{given.folder}: expected {LIST} there, or in the folders of its splits.")
    folder = splits[given.choose(splits)]
    listed = [background_is_void(one) for one in given.classes or _read_list(folder / LIST)]
    images = given.images or folder
    pictures = {path.name: path for path in sorted(folder.glob(f"*{MASK}"))}
    photos = (image for image in photos_below(images, report) if not image.name.endswith(MASK))
    pairs = ((image, pictures.pop(f"{image.stem}{MASK}", None)) for image in photos)
    return paired(pairs, images, pictures, listed, report)


def _read_list(path: Path) -> Sequence[ListedClass]:
    """The classes by their numbers."""
    lines = read_lines(path, "one number and one name per line", DatasetError)
    try:
        rows = list(csv.reader(lines, skipinitialspace=True))
    except csv.Error as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from None
    found: dict[int, str] = {}
    names: set[str] = set()
    for number, row in ((number, row) for number, row in enumerate(rows[1:], start=2) if row):
        value, name = map(str.strip, row) if len(row) == 2 else ("", "")
        if not (value.isascii() and value.isdigit() and len(value) < 6 and name):
            raise DatasetError(f"{path}:{number}: expected a number and a name, as in '1, car'; got {row!r:.80}.")
        if int(value) in found or name in names:
            raise DatasetError(f"{path}:{number}: {row!r:.80}: its number or its name occurs twice.")
        found[int(value)] = name
        names.add(name)
    if not found:
        raise DatasetError(f"{path}: names no class, expected one number and one name per line.")
    return [ListedClass(value, name) for value, name in found.items()]


FORMAT = DatasetFormat("roboflow", "Roboflow's semantic masks, _classes.csv and NAME_mask.png", _recognises, _read)
