"""LabelMe's format: a JSON file beside each photo (github.com/wkentaro/labelme).

Shapes of one label and one ``group_id`` are parts of one object, as in LabelMe's own export scripts. Rectangles and
circles count as outlines there, and here. ``__ignore__`` and ``_background_`` are no classes: labelme2voc.py gives them
-1 and 0.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...claims import claimed_paths
from ...coco.folder import Folder
from ...coco.json import read_json, told_size
from ...coco.values import Node
from ...errors import DatasetError, ImageError
from ...images.embedded import embedded
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..files import files_below, path_ends, read_bitmap
from ..masks import Rle, corners, ellipse, pasted, polygons
from ..report import BAD_OUTLINE, NO_AREA, Dropped, Report
from .registry import DatasetFormat, Given, peek_json

WRITTEN = "labelme"
"""The folder that ``swinpan batch`` writes them to."""
VOID = frozenset({"__ignore__", "_background_"})
"""Labels that are no classes."""
_LOOKED_AT = 5  # JSON files, to tell the format
_RECTANGLES = ("rectangle", "oriented_rectangle", "rotation")
"""Of two corners, or four: X-AnyLabeling always writes four, and calls a turned one a rotation."""


def _is_labelme(content: Any) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("shapes"), list) and "imagePath" in content


def _recognises(given: Given) -> bool:
    if given.path.is_file():
        return given.json is not None and _is_labelme(given.json.value)
    return any(_is_labelme(peek_json(path)) for path in islice(files_below(_root(given.path), ".json"), _LOOKED_AT))


def _root(folder: Path) -> Path:
    """The folder of the JSON files: in the output of ``swinpan batch`` that of the format, else ``folder`` itself."""
    written = folder / WRITTEN
    return written if written in claimed_paths(folder) and written.is_dir() else folder


def _read(given: Given, report: Report) -> Source:
    paths = [given.path] if given.path.is_file() else list(files_below(_root(given.path), ".json", report))
    if not paths:
        raise DatasetError(f"{given.path}: no JSON file of LabelMe there.")
    photos, labels = [], set()
    folder_of = cache(Folder)  # which lists its files once
    for path in paths:
        content = read_json(path)
        if not _is_labelme(content.value):
            raise DatasetError(f"{path}: no file of LabelMe's: it has no 'shapes' and 'imagePath'. Move it elsewhere.")
        nodes = list(content.each("shapes"))
        labels |= {node.field("label", str) for node in nodes}
        photos.append(_photo(given, path, content, nodes, folder_of))
    return Source(classes=[SourceClass(name=label, isthing=True) for label in sorted(labels - VOID)], photos=photos)


def _photo(given: Given, path: Path, content: Node, nodes: list[Node], folder_of: Callable[[Path], Folder]) -> Photo:
    name = content.field("imagePath", str).replace("\\", "/")
    image: Path | bytes = _beside(given, path, name, folder_of)
    there = isinstance(image, Path) and os.path.isfile(image)  # noqa: PTH113 (no error if its folder is closed)
    if not there and (data := content.get("imageData")):
        image = _embedded(data, f"{path}.imageData")
    size = told_size(content, "imageHeight", "imageWidth")
    return Photo(where=str(path), name=name.rsplit("/")[-1], image=image, size=size, shapes=partial(_shapes, nodes))


def _beside(given: Given, path: Path, name: str, folder_of: Callable[[Path], Folder]) -> Path:
    """The photo: at the path that the JSON file says, seen from there, or else of the same name beside it or in
    ``images``.
    """
    is_file = os.path.isfile  # takes names that are too long
    plain, where = name.rsplit("/")[-1], f"{path}.imagePath"
    written = path.parent / name
    if is_file(written) and written.resolve().is_relative_to((given.images or given.folder).resolve()):
        return written
    if given.images is None:
        return folder_of(path.parent).find(plain, where)
    root = _root(given.path) if given.path.is_dir() else path.parent
    # Photos in several folders may have one name: the folder of the JSON file tells them apart, or those of imagePath.
    named = [given.images / end for end in ((path.relative_to(root).parent / plain).as_posix(), *path_ends(name))]
    return next(filter(is_file, named), None) or folder_of(given.images).find(plain, where)


def _shapes(nodes: list[Node], _: Size) -> Iterator[Shape]:
    for node in nodes:
        group = node.get("group_id")
        kind = node.field("shape_type", str, "polygon")
        yield Shape(
            label=node.field("label", str),
            where=node.where,
            outline=partial(_outline, node, kind),
            rectangle=kind in _RECTANGLES,
            group=None if group in (None, "") else node.key("group_id"),
        )


def _outline(node: Node, kind: str, size: Size) -> Rle:
    points = corners(node.field("points", list), f"{node.where}.points")
    two = len(points) == 4
    if kind == "polygon" or (kind in _RECTANGLES and len(points) == 8):
        return polygons([points])(size)
    if kind == "rectangle" and two:
        x1, y1, x2, y2 = points
        return polygons([[x1, y1, x2, y1, x2, y2, x1, y2]])(size)
    if kind == "circle" and two:
        x, y, *edge = points
        radius = math.dist((x, y), edge)
        return ellipse(x, y, radius, radius)(size)
    if kind == "mask" and two:
        place = f"{node.where}.mask"
        piece = read_bitmap(_embedded(node.get("mask"), place), place, size)
        mask = np.ascontiguousarray(piece if piece.ndim == 2 else piece[..., 0]) > 0
        return pasted(mask, round(min(points[::2])), round(min(points[1::2])))(size)
    if kind in ("point", "points", "line", "linestrip"):
        raise Dropped(NO_AREA, kind)
    raise Dropped(BAD_OUTLINE, f"a {kind[:40]} of {len(points) // 2} points")


def _embedded(value: Any, where: str) -> bytes:
    """The picture that a text holds."""
    try:
        found = embedded(value) if isinstance(value, str) else None
    except ImageError as error:
        raise DatasetError(f"{where}: {error}") from None
    if found is None:
        raise DatasetError(f"{where} must hold a picture in base64.")
    return found


FORMAT = DatasetFormat("labelme", "LabelMe, one JSON file per photo", _recognises, _read)
