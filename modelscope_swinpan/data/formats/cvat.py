"""CVAT for images 1.1: one XML file with polygons, masks, boxes and ellipses (docs.cvat.ai, "CVAT for image").

Shapes are listed from back to front: by ``z_order``, then as they stand in the file. Shapes of one label and one
``group_id`` are parts of one object.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import defusedxml
from defusedxml import ElementTree

from ...coco.folder import Folder
from ...coco.json import MAX_SIDE
from ...coco.values import Node, whole
from ...errors import DatasetError
from ...files import leads_to_file
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
            return b"<annotations" in file.read(_HEAD).replace(b"\0", b"")  # UTF-16 has them
    except OSError:
        return False


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
    files = Folder(given.images or first_folder(path.parent, ["images"]) or path.parent)
    return Source(classes=_classes(root, images), photos=[_photo(path, element, files) for element in images])


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
        raise DatasetError(f"{path}: not an XML file in UTF-8 or UTF-16: {error}") from None


def _classes(root: Element, images: Sequence[Element]) -> list[SourceClass]:
    """The labels of the task in its order, or those that occur where it does not list them."""
    listed = [label.findtext("name", "").strip() for label in root.iterfind("meta//labels/label")]
    names = [name for name in listed if name] or sorted(
        {shape.get("label", "") for image in images for shape in image if shape.tag in _SHAPES}
    )
    return [SourceClass(name=name, isthing=True) for name in dict.fromkeys(names)]


def _photo(path: Path, element: Element, files: Folder) -> Photo:
    name = element.get("name") or ""
    node = Node(element.attrib, f"{path}: image {element.get('id', '?')[:20]} ({name[:200]})")
    size = Size(node.integer("height", 1, MAX_SIDE), node.integer("width", 1, MAX_SIDE))
    subset = element.get("subset")  # of a project: the photos of each have a folder
    image = files.find(f"{subset}/{name}", f"{node.where}, subset and name") if subset else None
    if image is None or not leads_to_file(image):
        image = files.find(name, f"{node.where}.name")
    return Photo(where=node.where, name=name, image=image, size=size, shapes=partial(_shapes, element, node.where))


def _shapes(image: Element, where: str, _: Size) -> Iterator[Shape]:
    listed = [shape for shape in image if shape.tag in _SHAPES]
    nodes = [(shape.tag, Node(shape.attrib, f"{where}, {shape.tag} {i}")) for i, shape in enumerate(listed, start=1)]
    for kind, node in sorted(nodes, key=lambda one: one[1].number("z_order", 0)):
        group = node.get("group_id")
        yield Shape(
            label=node.field("label", str, ""),
            where=node.where,
            outline=partial(_outline, node, kind),
            rectangle=kind == "box",
            group=None if group in ("", "0", "None") else group,
        )


def _outline(node: Node, kind: str, size: Size) -> Rle:
    of = node.number
    if kind == "polygon":
        return polygons([_points(node)])(size)
    if kind == "box":
        left, top, right, bottom = of("xtl"), of("ytl"), of("xbr"), of("ybr")
        return box(left, top, right - left, bottom - top, degrees=of("rotation", 0), center=True)(size)
    if kind == "ellipse":
        return ellipse(of("cx"), of("cy"), of("rx"), of("ry"), of("rotation", 0))(size)
    if kind != "mask":
        raise Dropped(NO_AREA, kind)
    piece = Size(round(of("height")), round(of("width")))
    if not (0 < piece.height <= size.height and 0 < piece.width <= size.width):
        raise Dropped(BAD_OUTLINE, f"a mask of {piece.width} × {piece.height} pixels")
    lengths = [whole(length) for length in node.field("rle", str, "").split(",")]
    if None in lengths:
        raise node.wrong("rle", "be whole numbers, separated by commas")
    mask = runs([length for length in lengths if length is not None], piece, by_rows=True)
    return pasted(mask, round(of("left")), round(of("top")))(size)


def _points(node: Node) -> list[float]:
    try:
        points = [[float(value) for value in point.split(",")] for point in node.field("points", str, "").split(";")]
    except ValueError:
        points = [[]]
    if any(len(point) != 2 for point in points):
        raise node.wrong("points", "be x,y;x,y;…")
    return [value for point in points for value in point]


FORMAT = DatasetFormat("cvat", "CVAT for images 1.1, annotations.xml", _recognises, _read)
