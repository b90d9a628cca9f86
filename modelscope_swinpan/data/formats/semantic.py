"""Semantic label pictures: ``images`` and ``masks`` with the same names, where a value or colour is a class.

A class is one segment. Where it is made of things, each connected part is a segment of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ...coco.id_maps import read_size
from ...errors import ConfigError, DatasetError
from ...structures import Size
from ..class_list import ListedClass, read_classes
from ..drawn import IN_FRONT, Photo, Shape, Source, SourceClass
from ..files import (
    Values,
    by_stem,
    first_folder,
    photos_below,
    picture_kind,
    read_colors,
    read_label_picture,
    read_values,
    stems,
)
from ..masks import pixels_of
from ..report import UNANNOTATED, Dropped, Report
from .registry import DatasetFormat, Given

IMAGES = ("images", "image", "imgs", "img", "photos")
MASKS = ("masks", "mask", "labels", "label", "annotations", "annotation", "semantic", "gt")
LISTS = ("classes.txt", "labels.txt", "labelmap.txt", "classes.csv", "class_dict.csv", "colormap.txt")
VOID_VALUES = (255, 65535)
"""Numbers that are void where no class has them: the largest of 8 bits, and of 16."""
UNNAMED = "value without a class"
NO_PHOTO = "label picture without a photo"
_LABEL_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
_SHOWN = 20
_GREY = 1 | 1 << 8 | 1 << 16
_WHITE = "value 255, taken for void; if white is a class, --classes must give the colours (name 255 255 255)"


def _recognises(given: Given) -> bool:
    images, masks = _folders(given)
    if images is None or masks is None:
        return False
    pictures = label_pictures(masks)
    return any(stem in pictures for path in photos_below(images) for stem in stems(path, images))


def _folders(given: Given) -> tuple[Path | None, Path | None]:
    """Those of the photos and of the label pictures."""
    return given.images or first_folder(given.path, IMAGES), first_folder(given.path, MASKS)


def _read(given: Given, report: Report) -> Source:
    images, masks = _folders(given)
    if images is None or masks is None:
        raise DatasetError(f"{given.path}: expected the folders images and masks there, with files of the same names.")
    pictures = label_pictures(masks, report)
    listed = listed_classes(given, given.path, pictures.values())
    pairs = (
        (image, next((pictures.pop(stem) for stem in stems(image, images) if stem in pictures), None))
        for image in by_stem(photos_below(images, report), images).values()
    )
    return paired(pairs, images, pictures, listed, report)


def background_is_void(one: ListedClass) -> ListedClass:
    """A class of a list, or void if it is the background, for formats in which that is what nobody annotated."""
    return ListedClass(one.value, "void", one.color) if one.name.lower() == "background" else one


def label_pictures(folder: Path, report: Report | None = None) -> dict[str, Path]:
    """The label pictures in a folder, by their names without the suffix."""
    return by_stem((path for path in photos_below(folder, report) if path.suffix.lower() in _LABEL_SUFFIXES), folder)


def listed_there(folder: Path, names: Iterable[str] = LISTS) -> Sequence[ListedClass] | None:
    """The list of classes that lies in a folder under the first of some usual names, if there is one."""
    return next((read_classes(path) for name in names if (path := folder / name).is_file()), None)


def listed_classes(given: Given, folder: Path, pictures: Iterable[Path]) -> Sequence[ListedClass]:
    """The classes of the label ``pictures``: those that are given, or else listed in ``folder``.

    Raises:
        ConfigError: nothing names them. It tells the values of the first picture.
    """
    if listed := given.classes or listed_there(folder):
        return listed
    told = ""
    for first in islice(pictures, 1):
        values, colored = read_label_picture(first)
        told = f" {first} has the {_shown(np.unique(values).tolist(), colored)}."
    raise ConfigError(
        f"{folder}: nothing names the classes. Give --classes, a file with one name per line from value 0, or with the "
        f"colour of each (name r g b).{told}"
    )


def shapes(
    listed: Sequence[ListedClass], report: Report, picture: Path, size: Size, layer: int = IN_FRONT
) -> Iterator[Shape]:
    """The classes of a label picture. Values without a class are void, and noted unless they are void's usual ones."""
    colored, grey = any(one.color is not None for one in listed), picture_kind(picture) == "grey"
    values = (read_colors if colored and not grey else read_values)(picture, size)
    if grey and (colored := colored and _are_colors(values, listed)):
        values = values * _GREY
    meaning = {one.number(colored=colored): one for one in listed if one.color is not None or not colored}
    strange = []
    found = np.unique(values).tolist()
    for value in found:
        one = meaning.get(value)
        if one is None:
            strange += [] if value in ((0,) if colored else VOID_VALUES) else [value]
        elif not one.is_void:
            where = f"{picture}, {_shown([value], colored)}"
            yield Shape(label=one.name, where=where, outline=pixels_of(values, value), layer=layer, scattered=True)
    if strange:
        report.note(UNNAMED, str(picture), _shown(strange, colored))
    elif not colored and found == [0, 255] and 255 not in meaning:
        report.note(UNNAMED, str(picture), _WHITE)


def _are_colors(values: Values, listed: Sequence[ListedClass]) -> bool:
    """Whether greys are colours of the list: all are listed as colours, and not all as numbers."""
    found = {(value, value, value): value for value in np.unique(values).tolist()}
    return found.keys() <= {one.color for one in listed} and not {*found.values()} <= {one.value for one in listed}


def _shown(values: Sequence[int], colored: bool) -> str:
    shown = [
        f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16:02x}" if colored else f"{value}" for value in values
    ]
    return ("colour " if colored else "value ") + ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")


def paired(
    pairs: Iterable[tuple[Path, Path | None]],
    images: Path,
    rest: Mapping[str, Path],
    listed: Sequence[ListedClass],
    report: Report,
    drawn: Callable[[Sequence[ListedClass], Report, Path, Size], Iterable[Shape]] = shapes,
    *,
    isthing: bool = False,
) -> Source:
    """Photos of the folder ``images`` with their label pictures, from which ``drawn`` makes shapes.

    The label pictures that are still in ``rest`` after that have no photo.
    """
    photos = []
    for image, picture in pairs:
        if picture is None:
            report.leave_out(str(image), Dropped(UNANNOTATED))
            continue
        name, size = image.relative_to(images).as_posix(), read_size(picture)
        found = partial(drawn, listed, report, picture)
        photos.append(Photo(where=str(picture), name=name, image=image, size=size, shapes=found))
    for picture in rest.values():
        report.leave_out(str(picture), Dropped(NO_PHOTO))
    named = [SourceClass(name=one.name, isthing=isthing, color=one.color) for one in listed if not one.is_void]
    return Source(classes=named, photos=photos)


FORMAT = DatasetFormat(
    "semantic", "label pictures in masks beside images, one value or colour per class", _recognises, _read
)
