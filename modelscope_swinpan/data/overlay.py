"""Semantic label pictures behind drawn shapes: COCO's instances with maps of the stuff around them, for example."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

from ..errors import ConfigError
from ..structures import Size
from .class_list import ListedClass
from .drawn import BEHIND, Photo, Shape, Source, SourceClass
from .formats.registry import Given
from .formats.semantic import label_pictures, listed_there
from .formats.semantic import shapes as semantic_shapes
from .report import Report

NO_PICTURE = "no label picture"


def with_semantic(source: Source, folder: Path, given: Given, report: Report) -> Source:
    """The source with the label pictures of ``folder`` behind its shapes.

    They have the photos' paths but for the suffix, or the names alone of photos that share theirs with no other.

    Classes that the source itself has are not taken from the pictures: there they are drawn one by one.

    Raises:
        ConfigError: nothing names the classes of the pictures.
    """
    listed = given.classes if given.classes is not None else listed_there(folder)
    if listed is None:
        raise ConfigError(
            f"{folder}: nothing names its classes; give --classes, a file with a name a line from value 0."
        )
    pictures = label_pictures(folder)
    own = {one.name for one in source.classes}
    behind = [
        SourceClass(name=one.name, isthing=False, id=one.value, color=one.color)
        for one in listed
        if not one.is_void and one.name not in own
    ]
    names = [PurePosixPath(photo.name.replace("\\", "/")).with_suffix("") for photo in source.photos]
    times = Counter(name.name for name in names)
    found = [
        pictures.get(name.as_posix()) or (pictures.get(name.name) if times[name.name] == 1 else None) for name in names
    ]
    photos = [
        _with_picture(photo, picture, listed, own, report) for photo, picture in zip(source.photos, found, strict=True)
    ]
    return dataclasses.replace(source, classes=[*source.classes, *behind], photos=photos)


def _with_picture(
    photo: Photo, picture: Path | None, listed: Sequence[ListedClass], own: set[str], report: Report
) -> Photo:
    if picture is None:
        report.note(NO_PICTURE, photo.where)
        return photo

    def shapes(size: Size) -> Iterator[Shape]:
        found = semantic_shapes(picture, listed, report, BEHIND, size)
        return chain((shape for shape in found if shape.label not in own), photo.shapes(size))

    return dataclasses.replace(photo, shapes=shapes)
