"""Supervisely's projects: ``meta.json``, and datasets with a JSON file in ``ann`` for each photo in ``img``.

A bitmap is a PNG, packed by zlib and in base64, with the pixel of its corner. Corners of polygons and rectangles are
pixels that belong to them, as in Supervisely's own masks.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

from ...coco.json import MAX_SIDE, read_json
from ...coco.values import Node
from ...errors import DatasetError, ImageError
from ...files import leads_to_file
from ...images.embedded import decode_base64
from ...images.fetch import MAX_BYTES
from ...structures import Size
from ..class_list import Color
from ..drawn import Photo, Shape, Source, SourceClass
from ..files import files_below, read_bitmap
from ..masks import Rle, corners, filled, pasted
from ..report import BAD_OUTLINE, NO_AREA, Dropped, Report
from .registry import DatasetFormat, Given, peek_json

META, ANNOTATIONS, IMAGES = "meta.json", "ann", "img"
_PNG = b"\x89PNG"
_NO_AREA = ("point", "line", "polyline", "graph")


def _recognises(given: Given) -> bool:
    content = peek_json(given.path / META) if given.path.is_dir() else None
    classes = content.get("classes") if isinstance(content, Mapping) else None
    return isinstance(classes, list) and next(_annotations(given.path), None) is not None


def _annotations(root: Path, report: Report | None = None) -> Iterator[Path]:
    """The files of all datasets; one may lie in another."""
    found = files_below(root, ".json", report)
    return (path for path in found if path.parent.name == ANNOTATIONS and path.parent != root)


def _read(given: Given, report: Report) -> Source:
    root = given.folder
    classes = [
        SourceClass(name=node.field("title", str), isthing=True, color=_color(node))
        for node in read_json(root / META).each("classes")
    ]
    datasets: dict[str, list[Path]] = {}
    for path in _annotations(root, report):
        datasets.setdefault(path.parents[1].relative_to(root).as_posix(), []).append(path)
    if given.split is not None:
        datasets = {given.split: datasets[given.choose(datasets)]}
    stems_of = cache(_stems)
    photos = [_photo(given, path, stems_of) for paths in datasets.values() for path in paths]
    if not photos:
        raise DatasetError(f"{root}: no JSON file in a folder {ANNOTATIONS} there.")
    return Source(classes=classes, photos=photos)


def _color(node: Node) -> Color | None:
    text = node.field("color", str, "")
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        return None
    return red, green, blue


def _photo(given: Given, path: Path, stems_of: Callable[[Path], Mapping[str, Path]]) -> Photo:
    content = read_json(path)
    told = content.at("size")
    size = Size(told.integer("height", 1, MAX_SIDE), told.integer("width", 1, MAX_SIDE))
    image = _image(given, path, stems_of)
    nodes = list(content.each("objects"))
    return Photo(where=str(path), name=image.name, image=image, size=size, shapes=partial(_shapes, nodes))


def _image(given: Given, path: Path, stems_of: Callable[[Path], Mapping[str, Path]]) -> Path:
    """The photo of an annotation: its name is the photo's and ``.json``, in old exports without the photo's suffix."""
    dataset = path.parents[1]
    folders = [dataset / IMAGES]
    if given.images is not None:
        folders = [given.images / dataset.relative_to(given.folder), given.images]
    named = [folder / path.stem for folder in folders]
    found = (image for name in named for image in (name, stems_of(name.parent).get(name.name, name)))
    return next((image for image in found if leads_to_file(image)), named[0])


def _stems(folder: Path) -> dict[str, Path]:
    """The files of a folder by their names without the suffix."""
    return {path.stem: path for path in sorted(folder.iterdir(), reverse=True)} if folder.is_dir() else {}


def _shapes(nodes: list[Node], _: Size) -> Iterator[Shape]:
    for node in nodes:
        kind = node.field("geometryType", str)
        yield Shape(
            label=node.field("classTitle", str),
            where=node.where,
            outline=partial(_outline, node, kind),
            rectangle=kind == "rectangle",
        )


def _outline(node: Node, kind: str, size: Size) -> Rle:
    if kind == "bitmap":
        return _bitmap(node.at("bitmap"), size)
    if kind in _NO_AREA:
        raise Dropped(NO_AREA, kind)
    if kind not in ("polygon", "rectangle"):
        raise Dropped(BAD_OUTLINE, f"a {kind[:40]}, which is not read")
    points = node.at("points")
    exterior = corners(points.field("exterior", list), f"{points.where}.exterior")
    if kind == "rectangle":
        if len(exterior) != 4:
            raise Dropped(BAD_OUTLINE, f"a rectangle of {len(exterior) // 2} corners, expected two")
        x1, y1, x2, y2 = exterior
        exterior = [x1, y1, x2, y1, x2, y2, x1, y2]
    holes = points.get("interior") or []
    if not isinstance(holes, list) or not all(isinstance(hole, list) for hole in holes):
        raise points.wrong("interior", "be a list of holes, which are lists of corners")
    return filled(exterior, [corners(hole, f"{points.where}.interior") for hole in holes])(size)


def _bitmap(node: Node, size: Size) -> Rle:
    where = f"{node.where}.data"
    left, top = corners([node.get("origin")], f"{node.where}.origin")
    piece = read_bitmap(_unpacked(node.field("data", str), where), where, size)
    mask = (piece if piece.ndim == 2 else piece[..., -1]) > 0  # alpha, where there is any
    return pasted(mask, round(left), round(top))(size)


def _unpacked(text: str, where: str) -> bytes:
    """The PNG of a bitmap, which need not be packed."""
    try:
        packed = decode_base64(text)
    except ImageError as error:
        raise DatasetError(f"{where}: {error}") from None
    if packed.startswith(_PNG):
        return packed
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(packed, MAX_BYTES)
        cut = "" if unpacker.eof else "the end is missing."
        problem = f"larger than {MAX_BYTES / 2**20:g} MiB." if unpacker.unconsumed_tail else cut
    except zlib.error as error:
        problem = str(error)
    if problem:
        raise DatasetError(f"{where}: cannot be unpacked by zlib: {problem}")
    return found


FORMAT = DatasetFormat("supervisely", "Supervisely's project, meta.json with ann and img", _recognises, _read)
