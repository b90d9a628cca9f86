"""What people drew: photos with shapes that may overlap, the common form of all formats."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..categories import COCO_PANOPTIC, MAX_ID, Category
from ..coco.photo import Exif
from ..structures import Size
from .masks import Outline

IN_FRONT, BEHIND = 1, 0


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One outline, with the name of its class and its place in the files.

    Shapes of one class and one ``group`` (not None) are parts of one object. ``crowd`` marks a group of things that
    were not separated. A ``scattered`` shape is all of a class in the photo: of things, each connected part is one.
    A ``rectangle`` may be a box about something rather than its outline. What lies ``BEHIND`` gives way to what was
    drawn.
    """

    label: str
    where: str
    outline: Outline
    group: Hashable = None
    crowd: bool = False
    scattered: bool = False
    rectangle: bool = False
    layer: int = IN_FRONT


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo, with its file or that file's content, its size if the annotations tell it, and what was drawn on it.

    ``exif`` tells whether it was drawn on the photo as EXIF turns it, where the source says so.
    """

    where: str
    name: str
    image: Path | bytes
    size: Size | None
    shapes: Callable[[Size], Iterable[Shape]]
    exif: Exif | None = None


@dataclass(frozen=True, kw_only=True)
class SourceClass:
    """A class as a source names it, with what the source tells of it."""

    name: str
    isthing: bool
    id: int | None = None
    color: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, category: Category) -> "SourceClass":
        """The class that a COCO file lists as a category."""
        return cls(name=category.name, isthing=category.isthing, id=category.id, color=category.color)


def as_categories(classes: Sequence[SourceClass]) -> tuple[Category, ...]:
    """Classes as categories. Ids and colours are their own where all have one, and no two the same."""
    ids = [one.id for one in classes if one.id is not None and 0 <= one.id <= MAX_ID]
    if len(set(ids)) < len(classes):
        ids = list(range(1, len(classes) + 1))
    colors = [one.color for one in classes if one.color is not None]
    if len(set(colors)) < len(classes):
        colors = [COCO_PANOPTIC[index % len(COCO_PANOPTIC)].color for index in range(len(classes))]
    return tuple(
        Category(id_, one.name, one.isthing, color) for id_, one, color in zip(ids, classes, colors, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class Source:
    """All that a reader finds in a dataset. Shapes of classes that are not listed are dropped, and counted.

    ``exif`` is that of all photos, where the source says it.
    """

    classes: Sequence[SourceClass]
    photos: Sequence[Photo]
    exif: Exif | None = None
