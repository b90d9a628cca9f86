"""Semantic label pictures behind drawn shapes: COCO's instances with maps of the stuff around them, for example."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from ..structures import Size
from .class_list import ListedClass
from .drawn import BEHIND, Photo, Shape, Source, SourceClass
from .formats.registry import Given
from .formats.semantic import label_pictures, listed_classes
from .formats.semantic import shapes as semantic_shapes
from .report import Report

NO_PICTURE = "no label picture"


def with_semantic(source: Source, folder: Path, given: Given, report: Report) -> Source:
    """The source with the label pictures of ``folder`` behind its shapes.

    A label picture has its photo's path with another suffix, or only its name where no other photo has the same.

    Classes that the source itself has are not taken from the pictures: the source draws their objects one by one.

    Raises:
        ConfigError: nothing names the classes of the pictures.
    """
    pictures = label_pictures(folder, report)
    listed = listed_classes(given, folder, pictures.values())
    own = {one.name for one in source.classes}
    behind = [
        SourceClass(name=one.name, isthing=False, id=one.value, color=one.color)
        for one in listed
        if not one.is_void and one.name not in own
    ]
    names = [PurePosixPath(photo.name.replace("\\", "/")).with_suffix("") for photo in source.photos]
    times = Counter(name.name for name in names)
    photos = []
    for photo, name in zip(source.photos, names, strict=True):
        picture = pictures.get(name.as_posix()) or (pictures.get(name.name) if times[name.name] == 1 else None)
        if picture is None:
            report.note(NO_PICTURE, photo.where)
            photos.append(photo)
        else:
            photos.append(dataclasses.replace(photo, shapes=partial(_shapes, photo, picture, listed, own, report)))
    return dataclasses.replace(source, classes=[*source.classes, *behind], photos=photos)


def _shapes(
    photo: Photo, picture: Path, listed: Sequence[ListedClass], own: set[str], report: Report, size: Size
) -> Iterator[Shape]:
    yield from (shape for shape in semantic_shapes(listed, report, picture, size, BEHIND) if shape.label not in own)
    yield from photo.shapes(size)
