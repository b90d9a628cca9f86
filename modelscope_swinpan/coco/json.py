"""Read the JSON of the COCO panoptic format. Error messages name the file and the field."""

import json
import re
import reprlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..categories import COCO_PANOPTIC, Category
from ..errors import DatasetError
from ..files import open_file
from ..structures import Size
from .remarks import JOINED, SHARED, Remark
from .values import SHOWN, Node, records, whole

MAX_JSON_BYTES = 2 * 1024**3  # the largest JSON file that is read, several times the size of COCO's own for training
MAX_ID = 256**3 - 1  # the largest segment id that an RGB pixel can hold
MAX_SIDE = 65535  # of an image, in pixels

_OTHER_FILES = {"caption": "captions", "keypoints": "keypoints", "segmentation": "instances", "bbox": "instances"}
"""Fields of the annotations in COCO's other files, and what those files hold."""


@dataclass(frozen=True, kw_only=True)
class ListedSegments:
    """An image's ``segments_info``: the label of every id, and the ids of crowds.

    ``ambiguous`` are ids that two categories share. ``where`` is the place of the list.
    """

    labels: Mapping[int, int]
    crowds: frozenset[int]
    ambiguous: frozenset[int]
    where: str
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class ImageEntry:
    """An image of the JSON file together with its annotation, which is checked on access.

    ``key`` is the id in the file. ``id`` is that number, or the image's place from 1 where the file's ids are no
    numbers. ``size`` is 0 × 0 where the file does not tell it.
    """

    id: int
    name: str
    size: Size
    annotation: Node
    key: str = ""

    @property
    def png_name(self) -> str:
        """The file name of the annotation's PNG: by default that of the image, with another suffix."""
        return self.annotation.field("file_name", str, str(PurePosixPath(self.name).with_suffix(".png")))

    def segments(self, labels: Mapping[int, int]) -> ListedSegments:
        """Read ``segments_info``; ``labels`` has the label of every category id.

        Raises:
            DatasetError: a field is wrong, or a category is unknown.
        """
        found: defaultdict[int, list[int]] = defaultdict(list)
        crowds = set()
        for info in self.annotation.each("segments_info"):
            id_ = info.integer("id", 1, MAX_ID)
            category_id = info.field("category_id", int)
            if category_id not in labels:
                raise DatasetError(f"{info.where}.category_id: no category has the id {str(category_id)[:SHOWN]}.")
            found[id_].append(labels[category_id])
            if info.flag("iscrowd", default=False):
                crowds.add(id_)
        ambiguous = frozenset(id_ for id_, given in found.items() if len(set(given)) > 1)
        where = f"{self.annotation.where}.segments_info"
        shared = sum(len(found[id_]) for id_ in ambiguous)
        joined = sum(len(given) - 1 for id_, given in found.items() if id_ not in ambiguous)
        remarks = [Remark(kind, where, count) for kind, count in ((SHARED, shared), (JOINED, joined)) if count]
        return ListedSegments(
            labels={id_: given[0] for id_, given in found.items()},
            crowds=frozenset(crowds),
            ambiguous=ambiguous,
            where=where,
            remarks=tuple(remarks),
        )


def read_json(path: Path) -> Node:
    """Read a JSON file in UTF-8, UTF-16 or UTF-32.

    Raises:
        DatasetError: the file cannot be read, is too large or is no JSON.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise DatasetError(f"{path}: over {MAX_JSON_BYTES} bytes, the size limit; split the dataset.")
        with open_file(path) as file:
            return Node(json.loads(file.read()), str(path))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a JSON file in UTF-8, UTF-16 or UTF-32: {error}. Save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{path}: not a JSON file: {reason}") from None


def read_categories(
    content: Node, things: Callable[[], Mapping[int, str] | None] = lambda: None
) -> tuple[Category, ...]:
    """Read ``categories``, in the file's order. A category without a colour gets one of COCO's.

    ``things`` gives the ids and names of the things, for files whose categories have no ``isthing``.

    Raises:
        DatasetError: a field is wrong, an id occurs twice, or nothing tells whether a category is a thing.
    """
    nodes = category_nodes(content)
    told = things() if any(node.get("isthing") is None for node in nodes.values()) else None
    return tuple(
        Category(
            id_,
            name := node.field("name", str),
            _is_thing(node, id_, name, told),
            _read_color(node, default=COCO_PANOPTIC[index % len(COCO_PANOPTIC)].color),
        )
        for index, (id_, node) in enumerate(nodes.items())
    )


def category_nodes(content: Node) -> dict[int, Node]:
    """The items of ``categories``, by id. Raises a DatasetError if an id is wrong or occurs twice."""
    nodes: dict[int, Node] = {}
    for node in content.each("categories"):
        id_ = node.field("id", int)
        if id_ in nodes:
            raise DatasetError(f"{node.where}.id: category {str(id_)[:SHOWN]} occurs twice.")
        nodes[id_] = node
    return nodes


def category_names(content: Node) -> dict[int, str]:
    """The names of ``categories``, by id."""
    return {node.field("id", int): node.field("name", str) for node in content.each("categories")}


def _is_thing(node: Node, id_: int, name: str, things: Mapping[int, str] | None) -> bool:
    if node.get("isthing") is not None:
        return node.flag("isthing")
    if things is None or things.get(id_, name) != name:
        raise DatasetError(
            f"{node.where}.isthing: nothing tells whether {name[:SHOWN]!r} is a thing (1: counted, such as cars) or "
            "stuff (0: such as the sky). Add isthing to each category, or put COCO's instances_SPLIT.json, whose "
            "categories are the things, beside panoptic_SPLIT.json."
        )
    return id_ in things


def read_images(content: Node) -> tuple[ImageEntry, ...]:
    """Read the annotated images, in the order of ``annotations``.

    Raises:
        DatasetError: a field is wrong, an id occurs twice, the image of an annotation is missing, or it is no
            panoptic file.
    """
    check_panoptic(content)
    images = image_nodes(content)
    entries: dict[str, ImageEntry] = {}
    for annotation in content.each("annotations"):
        key = annotation.key("image_id")
        if key not in images:
            raise DatasetError(f"{annotation.where}.image_id: no image has the id {key[:SHOWN]}.")
        if key in entries:
            raise DatasetError(f"{annotation.where}.image_id: image {key[:SHOWN]} is annotated twice.")
        id_, image = images[key]
        size = told_size(image) or Size(0, 0)
        entries[key] = ImageEntry(id_, image.field("file_name", str), size, annotation, key)
    return tuple(entries.values())


def image_nodes(content: Node) -> dict[str, tuple[int, Node]]:
    """The list ``images`` by the file's ids, each with the number that we use: its id or, if some are texts, its place.

    Places are counted from 1 or, where some ids are numbers, from one above the largest.

    Raises:
        DatasetError: an id is missing or occurs twice.
    """
    nodes: dict[str, Node] = {}
    for node in content.each("images"):
        key = node.key("id")
        if key in nodes:
            raise DatasetError(f"{node.where}.id: image {key[:SHOWN]} occurs twice.")
        nodes[key] = node
    numbers = [int(key) for key in nodes if re.fullmatch(r"0|[1-9]\d{0,17}", key, re.ASCII)]
    places = numbers if len(numbers) == len(nodes) else range(first := max(numbers, default=0) + 1, first + len(nodes))
    return {key: (place, node) for place, (key, node) in zip(places, nodes.items(), strict=True)}


def first_annotation(content: Node) -> Mapping[str, Any]:
    """The first annotation of any COCO file, which tells the file's kind; empty if there is none."""
    value = content.value
    listed = records(value.get("annotations") if isinstance(value, Mapping) else value)
    return listed[0] if listed and isinstance(listed[0], Mapping) else {}


def check_panoptic(content: Node) -> None:
    """Raise a DatasetError if ``content`` is one of COCO's other files. It says which."""
    first = first_annotation(content)
    for field, kind in _OTHER_FILES.items():
        if field in first and "segments_info" not in first:
            raise DatasetError(
                f"{content.where}: this file holds {kind} (its annotations have {field!r} and no 'segments_info'); "
                "expected COCO's panoptic format, such as panoptic_val2017.json."
            )


def told_size(node: Node, height: str = "height", width: str = "width") -> Size | None:
    """The size of an image that two fields tell; None if both are absent."""
    if node.get(height) is None and node.get(width) is None:
        return None
    return Size(node.integer(height, 1, MAX_SIDE), node.integer(width, 1, MAX_SIDE))


def _read_color(node: Node, default: tuple[int, int, int]) -> tuple[int, int, int]:
    given = node.get("color")
    if isinstance(given, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        given = list(bytes.fromhex(given[1:]))
    color = [whole(channel) for channel in Node({"color": given}, node.where).field("color", list, list(default))]
    match color:
        case [int(red), int(green), int(blue)] if 0 <= min(red, green, blue) <= max(red, green, blue) <= 255:
            return red, green, blue
    raise DatasetError(f"{node.where}.color must hold red, green and blue, 0–255 each; got {reprlib.repr(given)}.")
