"""YOLO's segmentation format: for each photo of ``images`` a text of the same name in ``labels``, one line per object.

A line is the class's number and the corners ``x1 y1 x2 y2 …``, from 0 to 1 of the photo's width and height.
``data.yaml`` names the classes and, for each split, a folder or a list of photos.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...coco.layout import path_inside
from ...coco.values import whole
from ...errors import DatasetError
from ...files import leads_to_file
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..files import files_below, first_folder, path_ends, photos_below, read_lines, stems
from ..masks import Rle, polygons
from ..report import BAD_OUTLINE, BOX, MISSING, UNANNOTATED, Dropped, Report
from ..yaml_file import read_yaml
from .registry import DatasetFormat, Given
from .semantic import listed_there

_EXPECTED = "YOLO's data.yaml, with names and the folders of the images"
_YAMLS = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_SPLITS = ("train", "val", "valid", "test")
_SLACK = 0.01  # how far outside a corner may lie, as a share of the photo's width or height
_MAX_CLASSES = 100_000
_LISTS = ("classes.txt", "labels/classes.txt", "obj.names")


def _recognises(given: Given) -> bool:
    if given.path.is_file():
        return given.path.suffix.lower() in (".yaml", ".yml")
    labels = first_folder(given.path, ["labels"])
    beside = labels is not None and first_folder(given.path, ["images"]) is not None and any(labels.rglob("*.txt"))
    return beside or _yaml(given.path) is not None


def _yaml(path: Path) -> Path | None:
    return path if path.is_file() else next((file for name in _YAMLS if (file := path / name).is_file()), None)


def _read(given: Given, report: Report) -> Source:
    path = _yaml(given.path)
    content = {} if path is None else read_yaml(path, _EXPECTED, DatasetError)
    names = _names(content["names"], path) if "names" in content else _listed_names(given)
    if "kpt_shape" in content:
        raise DatasetError(f"{path}: keypoints (kpt_shape), whose texts are boxes and points; expected outlines.")
    images, listed = _images(given, content, path)
    labels = first_folder(given.folder, ["labels"]) if given.images is not None else None
    photos, used = [], set[Path]()
    for image in photos_below(images, report) if listed is None else _listed_photos(listed, images, report):
        text = _text(image, images, labels, used)
        if text is None:
            report.leave_out(str(image), Dropped(UNANNOTATED))
            continue
        used.add(text)
        name, drawn = image.relative_to(images).as_posix(), partial(_shapes, text, names)
        photos.append(Photo(where=str(image), name=name, image=image, size=None, shapes=drawn))
    if listed is None:
        swapped = _swapped(images / "any", images).parent
        texts = _texts(swapped) if swapped != images else []
        for text in sorted(set(texts or _texts(labels)) - used):
            report.leave_out(str(text), Dropped(MISSING))
    return Source(classes=[SourceClass(name=name, isthing=True) for name in dict.fromkeys(names)], photos=photos)


def _names(names: Any, path: Path | None) -> Sequence[str]:
    if isinstance(names, Mapping):
        numbered = {whole(key): name for key, name in names.items()}
        if set(numbered) != set(range(len(names))):
            raise DatasetError(f"{path}: names must be a list, or have the numbers from 0 to {len(names) - 1}.")
        names = [numbered[index] for index in range(len(names))]
    if not isinstance(names, list) or not names or len(names) > _MAX_CLASSES:
        raise DatasetError(f"{path}: names must list the classes; got {str(names)[:80]!r}.")
    if not all(isinstance(name, str | int) for name in names):
        raise DatasetError(f"{path}: names must be texts; got {str(names)[:80]!r}.")
    return [str(name) for name in names]


def _listed_names(given: Given) -> Sequence[str]:
    listed = given.classes or listed_there(given.folder, _LISTS)
    if listed is None:
        raise DatasetError(
            f"{given.path}: nothing names the classes; give --classes, one name per line, or a data.yaml."
        )
    return [one.name for one in listed]


def _images(given: Given, content: Mapping[str, Any], path: Path | None) -> tuple[Path, Path | None]:
    """The folder of the images of the split, and the list that says which of them, if there is one."""
    root, name = given.folder, given.split
    if given.images is not None and name is None:
        return given.images, None
    listed = {split: content[split] for split in _SPLITS if isinstance(content.get(split), list)}
    splits = {
        split: one for split in _SPLITS for one in listed.get(split, [content.get(split)]) if isinstance(one, str)
    }
    if splits:
        if len(listed.get(given.choose(splits), [""])) > 1:
            raise DatasetError(f"{path}: lists several folders for a split; give one with --images.")
        return _written_split(given, content, splits, path)
    found = [first_folder(root, ["images"])] if name is None else [root / "images" / name, root / name / "images"]
    for folder in found:
        if folder is not None and folder.is_dir():
            return folder, None
    missing = "no folder images there; give it with --images." if name is None else f"no split {name!r}."
    raise DatasetError(f"{root}: {missing}")


def _written_split(
    given: Given, content: Mapping[str, Any], splits: Mapping[str, str], path: Path | None
) -> tuple[Path, Path | None]:
    """The same for one of the splits of ``data.yaml``."""
    name, root = given.choose(splits), given.folder
    found = {
        split: next(filter(_is_split, _places(root, content, written, f"{path}: {split}")), None)
        for split, written in splits.items()
    }
    place = found[name]
    if place is None:
        raise DatasetError(f"{path}: {name}: no folder {splits[name][:200]!r} in {root}; give it with --images.")
    for other, written in splits.items():
        if found[other] == place and path_ends(written) != path_ends(splits[name]):
            raise DatasetError(f"{path}: {name} and {other} differ, but both lead to {place}; give it with --images.")
    return (given.images or root, place) if place.is_file() else (place, None)


def _is_split(place: Path) -> bool:
    return place.is_dir() or (place.suffix == ".txt" and place.is_file())


def _listed_photos(listed: Path, images: Path, report: Report) -> Iterator[Path]:
    """The photos that a list names, one path per line; its paths may start elsewhere, as those of ``data.yaml``."""
    for number, line in enumerate(read_lines(listed, "the path of one photo per line", DatasetError, 2**26), start=1):
        if not line.strip():
            continue
        where = f"{listed}:{number}"
        photo = next((place for place in _places(images, {}, line.strip(), where) if leads_to_file(place)), None)
        if photo is None:
            report.leave_out(where, Dropped(MISSING, line.strip()[:200]))
        else:
            yield photo


def _places(root: Path, content: Mapping[str, Any], written: str, where: str) -> Iterator[Path]:
    """Where a split may be: data.yaml is often moved, and then its paths start elsewhere."""
    base = content.get("path")
    below = path_ends(base)[-1:] if isinstance(base, str) else []
    for inside in path_ends(written):
        yield path_inside(root, inside, where)
        for folder in below:
            yield path_inside(root, f"{folder}/{inside}", where)
    if written.endswith(".txt"):  # a list that was left behind
        yield root / "images" / Path(written).stem
        yield root / "images"


def _text(image: Path, images: Path, labels: Path | None, used: Collection[Path]) -> Path | None:
    """The text of a photo: the last ``images`` in its path is ``labels``; or beside it.

    If the photos' folder is given, the text may be in ``labels`` of the source, too; no two photos share one.
    """
    beside = image.with_suffix(".txt")
    own = [] if labels is None else [labels / f"{stem}.txt" for stem in stems(image, images)]
    places = (_swapped(beside, images), beside, *(path for path in own if path not in used))
    cases = (path.with_suffix(suffix) for path in places for suffix in (".txt", ".TXT"))
    return next((path for path in cases if leads_to_file(path)), None)


def _swapped(path: Path, images: Path) -> Path:
    """A path in ``images`` with its last ``images`` as ``labels``, if there is one."""
    parts = path.parts
    for index in range(len(parts) - 2, max(len(images.parts) - 2, 0) - 1, -1):
        if parts[index].lower() == "images":
            return Path(*parts[:index], "labels", *parts[index + 1 :])
    return path


def _texts(labels: Path | None) -> list[Path]:
    files = files_below(labels, ".txt") if labels is not None and labels.is_dir() else ()
    return [path for path in files if path.name != "classes.txt"]


def _shapes(text: Path, names: Sequence[str], size: Size) -> Iterator[Shape]:
    for number, line in enumerate(read_lines(text, "one class and its corners per line", DatasetError, 2**26), start=1):
        if not (words := line.split()):
            continue
        where = f"{text}:{number}"
        try:
            index, corners = float(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            raise DatasetError(f"{where}: expected numbers, a class and corners; got {line[:80]!r}.") from None
        known = index.is_integer() and 0 <= index < len(names)
        label = names[int(index)] if known else f"class {words[0][:20]}"
        outline, turned = partial(_outline, corners), _is_turned_box(corners, size)
        yield Shape(label=label, where=where, outline=outline, rectangle=turned)


def _is_turned_box(corners: Sequence[float], size: Size) -> bool:
    """Whether four corners are those of a turned box. Texts of turned boxes look like those of outlines."""
    if len(corners) != 8:
        return False
    a, b, c, d = (complex(x * size.width, y * size.height) for x, y in zip(corners[::2], corners[1::2], strict=True))
    upright = min(abs((b - a).real), abs((b - a).imag)) < 1
    return not upright and abs(a + c - b - d) < 1 and abs(abs(a - c) - abs(b - d)) < 1


def _outline(corners: Sequence[float], size: Size) -> Rle:
    if len(corners) in (4, 5):  # 5: a box with a score
        raise Dropped(BOX)
    if not all(-_SLACK <= value <= 1 + _SLACK for value in corners):
        raise Dropped(BAD_OUTLINE, "corners must lie between 0 and 1, in parts of the photo's width and height")
    sides = (size.width, size.height)
    return polygons([[value * sides[index % 2] for index, value in enumerate(corners)]])(size)


FORMAT = DatasetFormat("yolo", "YOLO's segmentation texts in labels beside images, with data.yaml", _recognises, _read)
