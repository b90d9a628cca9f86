"""CVAT for images 1.1: one XML file with polygons, masks, boxes and ellipses (docs.cvat.ai, "CVAT for image").

Shapes are listed from back to front: by ``z_order``, then as they stand in the file. Shapes of one label and one
``group_id`` are parts of one object.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import defusedxml
from defusedxml import ElementTree

from ...coco.folder import Folder
from ...coco.json import MAX_SIDE
from ...coco.values import whole
from ...errors import DatasetError
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..files import first_folder
from ..masks import Rle, box, ellipse, pasted, polygons, runs
from ..report import BAD_OUTLINE, NO_AREA, Dropped, Report
from .registry import DatasetFormat, Given

MAX_BYTES = 512 * 2**20
_HEAD = 4096
_LINES = ("polyline", "points", "cuboid", "skeleton")
_SHAPES = ("polygon", "mask", "box", "ellipse", *_LINES)
Element = Any  # xml.etree's, as defusedxml returns it


def _recognises(given: Given) -> bool:
    path = _file(given.path)
    if path is None:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return b"<annotations" in head


def _file(path: Path) -> Path | None:
    if path.is_dir():
        path = path / "annotations.xml"
    return path if path.is_file() and path.suffix.lower() == ".xml" else None


def _read(given: Given, report: Report) -> Source:
    path = _file(given.path)
    if path is None:
        raise DatasetError(f"{given.path}: no annotations.xml there, the file of CVAT for images 1.1.")
    root = _parse(path)
    if root.find("track") is not None:
        raise DatasetError(f"{path}: CVAT for video 1.1 (tracks); export the task as CVAT for images 1.1.")
    images = root.findall("image")
    if root.tag != "annotations" or not images:
        raise DatasetError(f"{path}: no file of CVAT for images 1.1: {root.tag!r:.80} without images.")
    folder = given.images or first_folder(path.parent, ["images"]) or path.parent
    files = Folder(folder)
    photos = [_photo(path, element, files) for element in images]
    return Source(classes=_classes(root, images), photos=photos)


def _parse(path: Path) -> Element:
    """The root of an XML file. Declared entities, which may grow without bound or read other files, are refused."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{path}: over {MAX_BYTES} bytes, the size limit; export the task in parts.")
        return ElementTree.parse(path, forbid_dtd=True).getroot()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except defusedxml.DefusedXmlException as error:
        raise DatasetError(f"{path}: declares a document type or entities, which are not read ({error}).") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: an unknown encoding
        raise DatasetError(f"{path}: not an XML file: {error}") from None


def _classes(root: Element, images: Sequence[Element]) -> list[SourceClass]:
    """The labels of the task in its order, or those that occur where it does not list them."""
    listed = [label.findtext("name", "").strip() for label in root.iterfind("meta//labels/label")]
    names = [name for name in listed if name] or sorted(
        {shape.get("label", "") for image in images for shape in image if shape.tag in _SHAPES}
    )
    return [SourceClass(name=name, isthing=True) for name in dict.fromkeys(names)]


def _photo(path: Path, element: Element, files: Folder) -> Photo:
    name = element.get("name") or ""
    where = f"{path}: image {element.get('id', '?')[:20]} ({name[:200]})"
    sides = [whole(element.get(side)) for side in ("height", "width")]
    height, width = (side if side is not None and 1 <= side <= MAX_SIDE else 0 for side in sides)
    if not (height and width):
        raise DatasetError(f"{where}: width and height must lie between 1 and {MAX_SIDE}.")
    subset = element.get("subset")  # of a project: the photos of each have a folder
    placed = files.find(f"{subset}/{name}", f"{where}, subset and name") if subset else None
    return Photo(
        where=where,
        name=name,
        image=placed if placed is not None and placed.is_file() else files.find(name, f"{where}, name"),
        size=Size(height, width),
        shapes=partial(_shapes, element, where),
    )


def _shapes(image: Element, where: str, _: Size) -> Iterator[Shape]:
    listed = [shape for shape in image if shape.tag in _SHAPES]
    places = {id(shape): f"{where}, {shape.tag} {number}" for number, shape in enumerate(listed, start=1)}
    for shape in sorted(listed, key=lambda one: _number(one, places[id(one)], "z_order", 0)):
        group = shape.get("group_id", "0")
        yield Shape(
            label=shape.get("label", ""),
            where=places[id(shape)],
            outline=partial(_outline, shape, places[id(shape)]),
            rectangle=shape.tag == "box",
            group=None if group in ("", "0", "None") else group,
        )


def _outline(shape: Element, where: str, size: Size) -> Rle:
    of = partial(_number, shape, where)
    if shape.tag == "polygon":
        return polygons([_points(shape, where)])(size)
    if shape.tag == "box":
        left, top, right, bottom = of("xtl"), of("ytl"), of("xbr"), of("ybr")
        return box(left, top, right - left, bottom - top, degrees=of("rotation", 0), center=True)(size)
    if shape.tag == "ellipse":
        return ellipse(of("cx"), of("cy"), of("rx"), of("ry"), of("rotation", 0))(size)
    if shape.tag != "mask":
        raise Dropped(NO_AREA, shape.tag)
    piece = Size(round(of("height")), round(of("width")))
    if not (0 < piece.height <= size.height and 0 < piece.width <= size.width):
        raise Dropped(BAD_OUTLINE, f"a mask of {piece.width} × {piece.height} pixels")
    mask = runs(_run_lengths(shape, where), piece, by_rows=True)
    return pasted(mask, round(of("left")), round(of("top")))(size)


def _points(shape: Element, where: str) -> list[float]:
    text = shape.get("points", "")
    try:
        points = [[float(value) for value in point.split(",")] for point in text.split(";")]
    except ValueError:
        points = [[]]
    if any(len(point) != 2 for point in points):
        raise DatasetError(f"{where}: points must be x,y;x,y;…; got {text[:80]!r}.")
    return [value for point in points for value in point]


def _run_lengths(shape: Element, where: str) -> list[int]:
    text = shape.get("rle", "")
    lengths = [whole(length) for length in text.split(",")]
    if None in lengths:
        raise DatasetError(f"{where}: rle must be whole numbers, separated by commas; got {text[:80]!r}.")
    return [length for length in lengths if length is not None]


def _number(shape: Element, where: str, name: str, default: float | None = None) -> float:
    text = shape.get(name)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{where}: {name} must be a number; got {str(text)[:80]!r}.")
    return value


FORMAT = DatasetFormat(
    name="cvat",
    help="CVAT for images 1.1, annotations.xml",
    recognises=_recognises,
    read=_read,
)
