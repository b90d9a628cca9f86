"""Pascal VOC's segmentation: ``SegmentationClass`` and ``SegmentationObject``, label pictures of the same names.

Numbers, or the colours of ``labelmap.txt``, as CVAT writes it, are classes. Without that list the classes are VOC's
twenty. Without ``SegmentationObject`` the classes are stuff, as in semantic label pictures.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import DatasetError
from ...structures import Size
from ..class_list import ListedClass
from ..drawn import Shape, Source
from ..files import by_stem, first_folder, photos_below, picture_kind, read_label_picture, read_lines
from ..masks import pixels_of
from ..report import UNKNOWN_CLASS, Dropped, Report
from .registry import DatasetFormat, Given
from .semantic import background_is_void, label_pictures, listed_there, paired, shapes

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
NO_PICTURE = "missing label picture"
_NAMES = ("void", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
          "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor")  # fmt: skip
_OUTLINE = 224 | 224 << 8 | 192 << 16
"""The colour of the lines between VOC's objects, whose number is 255: void."""


def voc_color(value: int) -> tuple[int, int, int]:
    """The colour of a number in VOC's palette.

    The number's bits, the lowest first, are by turns red's, green's and blue's bits, the highest first.
    """
    red, green, blue = (
        sum((value >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3)
    )
    return red, green, blue


VOC_CLASSES = tuple(ListedClass(value, name, voc_color(value)) for value, name in enumerate(_NAMES))


def _recognises(given: Given) -> bool:
    return (given.path / CLASSES).is_dir()


def _read(given: Given, report: Report) -> Source:
    root = given.path
    listed = [background_is_void(one) for one in given.classes or listed_there(root) or VOC_CLASSES]
    if not (root / CLASSES).is_dir():
        raise DatasetError(f"{root}: expected the folder {CLASSES} there.")
    images = given.images or first_folder(root, ["JPEGImages", "images"])
    if images is None:
        raise DatasetError(f"{root}: expected the folder JPEGImages there; or give the photos' folder with --images.")
    pictures, files = label_pictures(root / CLASSES, report), by_stem(photos_below(images, report), images)
    if given.split is not None:
        wanted = _split(root, given.split)
        for stem in wanted:
            if stem not in pictures:
                report.leave_out(str(root / CLASSES / f"{stem}.png"), Dropped(NO_PICTURE))
        pictures = {stem: pictures[stem] for stem in wanted if stem in pictures}
        files = {stem: files[stem] for stem in pictures if stem in files}
    pairs = ((image, pictures.pop(stem, None)) for stem, image in files.items())
    if (root / OBJECTS).is_dir():
        return paired(pairs, images, pictures, listed, report, partial(_objects, root), isthing=True)
    return paired(pairs, images, pictures, listed, report, _stuff)


def _split(root: Path, split: str) -> Sequence[str]:
    """The names of the photos in a list of ``ImageSets``."""
    path = root / "ImageSets" / "Segmentation" / f"{split}.txt"
    lines = read_lines(path, f"the photos of the split {split!r:.80}", DatasetError, 2**26)
    return [line.strip().strip('"') for line in lines if line.strip()]


def _stuff(listed: Sequence[ListedClass], report: Report, picture: Path, size: Size) -> Iterator[Shape]:
    """The classes of a photo, told by numbers where the picture has a palette, whatever its colours."""
    colored = picture_kind(picture) == "colors"
    return shapes(listed if colored else [ListedClass(one.value, one.name) for one in listed], report, picture, size)


def _objects(root: Path, listed: Sequence[ListedClass], report: Report, picture: Path, size: Size) -> Iterator[Shape]:
    """The objects of a photo, each of the class that most of its pixels have."""
    objects = root / OBJECTS / picture.relative_to(root / CLASSES)
    if not objects.is_file():
        raise Dropped(NO_PICTURE, str(objects))
    values, colored = read_label_picture(picture, size)
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
