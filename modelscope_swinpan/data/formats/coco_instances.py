"""COCO's instance format: objects as polygons or run-length codes, in one JSON file (cocodataset.org/#format-data).

Many tools write it: CVAT, Label Studio and Roboflow among them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from ...coco.folder import Folder
from ...coco.json import category_names, first_annotation, image_nodes, read_categories, read_json, told_size
from ...coco.layout import find_images
from ...coco.values import Node, whole
from ...errors import DatasetError
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..masks import Rle, bitmap, polygons, runs, uncompressed
from ..report import BAD_OUTLINE, BOX, NO_AREA, Dropped, Report
from .registry import DatasetFormat, Given

_PLACES = (
    "annotations/instances_*.json",
    "*/_annotations.coco.json",  # Roboflow's, in a folder for each split
    "_annotations.coco.json",
    "instances_*.json",
    "result.json",  # Label Studio's
)
_OWN = "annotations.json"
"""The name that ``swinpan batch`` gives to such a file, and other programs to other files."""
UNLISTED = "of an image that is not listed"


def _files(folder: Path) -> dict[str, Path]:
    """The JSON files of a folder, by the names of their splits."""
    for pattern in _PLACES:
        if found := sorted(folder.glob(pattern)):
            return {_split(path): path for path in found}
    own = folder / _OWN
    return {_split(own): own} if own.is_file() and _holds_instances(Given(own)) else {}


def _split(path: Path) -> str:
    return path.parent.name if path.name.startswith("_") else path.stem.removeprefix("instances_")


def _recognises(given: Given) -> bool:
    if given.path.is_dir():
        return bool(_files(given.path)) and not list(given.path.glob("annotations/panoptic_*.json"))
    return _holds_instances(given)


def _holds_instances(given: Given) -> bool:
    content = given.json_with("images", "annotations")
    return content is not None and "segments_info" not in first_annotation(content)


def _read(given: Given, report: Report) -> Source:
    path = given.path
    if path.is_dir():
        files = _files(path)
        path = files[given.choose(files)]
    content = (given.json if path == given.path else None) or read_json(path)
    if "segments_info" in first_annotation(content):
        raise DatasetError(
            f"{path}: this file holds COCO's panoptic format (segments_info); say --format coco-panoptic."
        )
    categories = read_categories(content, lambda: category_names(content))
    names = {category.id: category.name for category in categories}
    folder = given.images or next((one for one in (find_images(path),) if one.is_dir()), path.parent)
    files_of_photos, images = Folder(folder), image_nodes(content)
    drawn: defaultdict[str, list[Node]] = defaultdict(list)
    for annotation in content.each("annotations"):
        key = annotation.key("image_id")
        if key in images:
            drawn[key].append(annotation)
        else:
            report.drop(annotation.where, Dropped(UNLISTED, key[:80]))
    photos = [
        Photo(
            where=f"{path}: {name[:200]}",
            name=name,
            image=files_of_photos.find(name, f"{image.where}.file_name"),
            size=told_size(image),
            shapes=partial(_shapes, drawn[key], names),
        )
        for key, (_, image) in images.items()
        for name in [image.field("file_name", str)]
    ]
    return Source(classes=[*map(SourceClass.of, categories)], photos=photos)


def _shapes(annotations: Sequence[Node], names: Mapping[int, str], _: Size) -> Iterator[Shape]:
    for annotation in annotations:
        category = annotation.field("category_id", int)
        yield Shape(
            label=names.get(category, f"category {str(category)[:20]}"),
            where=annotation.where,
            outline=partial(_outline, annotation),
            crowd=annotation.flag("iscrowd", default=False),
        )


def _outline(annotation: Node, size: Size) -> Rle:
    given = annotation.get("segmentation")
    if isinstance(given, Mapping):
        return bitmap(runs(_counts(annotation.at("segmentation"), size), size))
    if not given:
        raise Dropped(BOX if annotation.get("bbox") else NO_AREA)
    if not isinstance(given, list):
        raise annotation.wrong("segmentation", "be a list of polygons or run-length codes")
    parts = [given] if isinstance(given[0], int | float) else given
    for index, part in enumerate(parts):
        if not isinstance(part, list) or not all(type(value) in (int, float) for value in part):
            raise DatasetError(f"{annotation.where}.segmentation[{index}] must be a list of numbers x1, y1, x2, y2, ….")
    return polygons(parts)(size)


def _counts(segmentation: Node, size: Size) -> list[int]:
    given = segmentation.field("size", list)
    if [whole(side) for side in given] != list(size):
        raise Dropped(BAD_OUTLINE, f"run-length codes of {given!r:.80}, but the image has {list(size)} (height, width)")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        return uncompressed(counts)
    lengths = [whole(count) for count in segmentation.field("counts", list)]
    if None in lengths:
        raise segmentation.wrong("counts", "be whole numbers, or a text")
    return [length for length in lengths if length is not None]


FORMAT = DatasetFormat("coco", "COCO instances, polygons or RLE, as instances_val2017.json", _recognises, _read)
