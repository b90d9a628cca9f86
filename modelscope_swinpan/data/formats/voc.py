"""Pascal VOC's segmentation: ``SegmentationClass`` and ``SegmentationObject``, label pictures of the same names.

Numbers, or the colours of ``labelmap.txt``, as CVAT writes it, are classes. Without that list the classes are VOC's
twenty. Without ``SegmentationObject`` the classes are stuff, as of semantic label pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...coco.id_maps import read_size
from ...errors import DatasetError
from ...structures import Size
from ..class_list import ListedClass
from ..drawn import IN_FRONT, Photo, Shape, Source
from ..files import by_stem, first_folder, photos_below, read_label_picture, read_lines
from ..masks import pixels_of
from ..report import MISSING, UNANNOTATED, UNKNOWN_CLASS, Dropped, Report
from .registry import DatasetFormat, Given
from .semantic import background_is_void, label_pictures, listed_there, source_classes
from .semantic import shapes as semantic_shapes

_NAMES = ("void", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
          "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor")  # fmt: skip
_OUTLINE = 224 | 224 << 8 | 192 << 16
"""The colour of the lines between VOC's objects, whose number is 255: void."""


def voc_color(value: int) -> tuple[int, int, int]:
    """The colour of a number in VOC's palette: its bits by turns are red's, green's and blue's, the highest first."""
    red, green, blue = (
        sum((value >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3)
    )
    return red, green, blue


VOC_CLASSES = tuple(ListedClass(value, name, voc_color(value)) for value, name in enumerate(_NAMES))


def _recognises(given: Given) -> bool:
    return given.path.is_dir() and (given.path / "SegmentationClass").is_dir()


def _read(given: Given, report: Report) -> Source:
    root = given.path
    listed = [background_is_void(one) for one in given.classes or listed_there(root) or VOC_CLASSES]
    if not (root / "SegmentationClass").is_dir():
        raise DatasetError(f"{root}: expected the folder SegmentationClass there.")
    classes = label_pictures(root / "SegmentationClass")
    objects = label_pictures(root / "SegmentationObject") if (root / "SegmentationObject").is_dir() else None
    images = given.images or first_folder(root, ["JPEGImages", "images"])
    if images is None:
        raise DatasetError(f"{root}: expected the folder JPEGImages there; or give the photos' folder with --images.")
    files = by_stem(photos_below(images), images)
    wanted = _split(root, given, classes)
    if given.split is None:
        for stem in sorted(files.keys() - classes.keys()):
            report.leave_out(str(files[stem]), Dropped(UNANNOTATED))
    photos = []
    for stem in wanted:
        picture, image = classes.get(stem), files.get(stem)
        if picture is None or (image is not None and objects is not None and stem not in objects):
            lacking = root / ("SegmentationClass" if picture is None else "SegmentationObject") / f"{stem}.png"
            report.leave_out(str(lacking), Dropped("missing label picture"))
        elif image is None:
            report.leave_out(str(picture), Dropped(MISSING))
        else:
            drawn = partial(_shapes, picture, listed, report, None if objects is None else objects[stem])
            size = read_size(picture)
            photos.append(Photo(where=str(picture), name=image.name, image=image, size=size, shapes=drawn))
    return Source(classes=source_classes(listed, isthing=objects is not None), photos=photos)


def _split(root: Path, given: Given, classes: Mapping[str, Path]) -> Sequence[str]:
    """The names of the photos to take: all that have a label picture, or those of a list of ``ImageSets``."""
    if given.split is None:
        return list(classes)
    path = root / "ImageSets" / "Segmentation" / f"{given.split}.txt"
    lines = read_lines(path, f"the photos of the split {given.split!r:.80}", DatasetError, 2**26)
    return [line.strip().strip('"') for line in lines if line.strip()]


def _shapes(
    picture: Path, listed: Sequence[ListedClass], report: Report, objects: Path | None, size: Size
) -> Iterator[Shape]:
    """The objects of a photo, each of the class that most of its pixels have; without a picture of them, its stuff."""
    values, colored = read_label_picture(picture, size)
    if objects is None:
        known = listed if colored else [ListedClass(one.value, one.name) for one in listed]
        yield from semantic_shapes(picture, known, report, IN_FRONT, size)
        return
    numbers, lines_colored = read_label_picture(objects, size)
    lines = _OUTLINE if lines_colored else 255
    meaning = {one.number(colored=colored): one for one in listed}
    for number in np.unique(numbers).tolist():
        where = f"{objects}, object {number}"
        if number in (0, lines):
            continue
        found, counts = np.unique(values[numbers == number], return_counts=True)
        one = meaning.get(int(found[counts.argmax()]))
        if one is None or one.is_void:
            report.drop(where, Dropped(UNKNOWN_CLASS, f"value {int(found[counts.argmax()])} in {picture.name}"))
            continue
        yield Shape(label=one.name, where=where, outline=pixels_of(numbers, number))


FORMAT = DatasetFormat("voc", "Pascal VOC, SegmentationClass and SegmentationObject", _recognises, _read)
