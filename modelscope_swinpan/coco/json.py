"""Read the JSON of the COCO panoptic format. Error messages name the file and the field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..categories import COCO_PANOPTIC, Category
from ..errors import DatasetError
from ..structures import Size

MAX_JSON_BYTES = 2 * 1024**3  # the largest JSON file that is read, several times the size of COCO's own for training
MAX_ID = 256**3 - 1  # the largest segment id that an RGB pixel can hold
T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """A value in a JSON file, and its place there for error messages, such as ``panoptic.json.images[3]``."""

    value: Any
    where: str

    def field(self, name: str, kind: type[T], default: T | None = None) -> T:
        """The field ``name`` of this object, which must have exactly the type ``kind``.

        Raises:
            DatasetError: the field has another type, or is missing and has no ``default``; or this is no object.
        """
        if not isinstance(self.value, dict):
            raise DatasetError(f"{self.where} must be an object; got {type(self.value).__name__}.")
        value = self.value.get(name, default)
        if type(value) is not kind:
            found = f"{str(value)[:80]!r} ({type(value).__name__})" if name in self.value else "nothing"
            raise DatasetError(f"{self.where}.{name} must be {kind.__name__}; got {found}.")
        return value

    def each(self, name: str) -> "Iterator[Node]":
        """The items of the field ``name``, which must be a list."""
        for index, item in enumerate(self.field(name, list)):
            yield Node(item, f"{self.where}.{name}[{index}]")

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """The field ``name``, which must be a whole number from ``low`` to ``high``.

        Raises:
            DatasetError: the field is missing, has another type or is out of range.
        """
        value = self.field(name, int, default)
        if not low <= value <= high:
            raise DatasetError(f"{self.where}.{name} must lie between {low} and {high}; got {str(value)[:80]}.")
        return value


@dataclass(frozen=True)
class ImageEntry:
    """An image of the JSON file together with its annotation, which is checked on access."""

    id: int
    name: str
    size: Size
    annotation: Node

    @property
    def png_name(self) -> str:
        """The file name of the annotation's PNG."""
        return self.annotation.field("file_name", str)

    def segments(self, labels: dict[int, int]) -> tuple[dict[int, int], set[int]]:
        """Read ``segments_info``.

        Args:
            labels: The label of every category id.

        Returns:
            The label of every segment id, and the ids of the crowds.

        Raises:
            DatasetError: a field is wrong, an id occurs twice, or a category is unknown.
        """
        found: dict[int, int] = {}
        crowds = set()
        for info in self.annotation.each("segments_info"):
            id_ = info.integer("id", 1, MAX_ID)
            if id_ in found:
                raise DatasetError(f"{info.where}.id: segment {id_} occurs twice.")
            category_id = info.field("category_id", int)
            if category_id not in labels:
                raise DatasetError(f"{info.where}.category_id: no category has the id {category_id}.")
            found[id_] = labels[category_id]
            if info.integer("iscrowd", 0, 1, default=0):
                crowds.add(id_)
        return found, crowds


def read_json(path: Path) -> Node:
    """Read a JSON file.

    Raises:
        DatasetError: the file cannot be read, is too large or is no JSON.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise DatasetError(f"{path}: over {MAX_JSON_BYTES} bytes, the size limit; split the dataset.")
        return Node(json.loads(path.read_bytes()), str(path))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise DatasetError(f"{path}: not a JSON file: {reason}") from None


def read_categories(content: Node) -> tuple[Category, ...]:
    """Read ``categories``, in the file's order. A category without a colour gets one of COCO's.

    Raises:
        DatasetError: a field is wrong, or an id occurs twice.
    """
    return tuple(
        Category(
            id_,
            node.field("name", str),
            bool(node.integer("isthing", 0, 1)),
            _read_color(node, default=COCO_PANOPTIC[index % len(COCO_PANOPTIC)].color),
        )
        for index, (id_, node) in enumerate(_by_id(content, "categories", "category").items())
    )


def read_images(content: Node) -> tuple[ImageEntry, ...]:
    """Read the annotated images, in the order of ``annotations``.

    Raises:
        DatasetError: a field is wrong, an id occurs twice, or the image of an annotation is missing.
    """
    images = _by_id(content, "images", "image")
    entries: dict[int, ImageEntry] = {}
    for annotation in content.each("annotations"):
        id_ = annotation.field("image_id", int)
        if id_ not in images:
            raise DatasetError(f"{annotation.where}.image_id: no image has the id {id_}.")
        if id_ in entries:
            raise DatasetError(f"{annotation.where}.image_id: image {id_} is annotated twice.")
        image = images[id_]
        size = Size(image.integer("height", 1, 65535), image.integer("width", 1, 65535))
        entries[id_] = ImageEntry(id_, image.field("file_name", str), size, annotation)
    return tuple(entries.values())


def _by_id(content: Node, name: str, item: str) -> dict[int, Node]:
    """The items of the list ``name`` by their ids."""
    nodes: dict[int, Node] = {}
    for node in content.each(name):
        id_ = node.field("id", int)
        if id_ in nodes:
            raise DatasetError(f"{node.where}.id: {item} {id_} occurs twice.")
        nodes[id_] = node
    return nodes


def _read_color(node: Node, default: tuple[int, int, int]) -> tuple[int, int, int]:
    color = node.field("color", list, default=list(default))
    if len(color) != 3 or not all(type(channel) is int and 0 <= channel <= 255 for channel in color):
        raise DatasetError(f"{node.where}.color must hold red, green and blue, 0–255 each; got {str(color)[:80]}.")
    red, green, blue = color
    return red, green, blue
