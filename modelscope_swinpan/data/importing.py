"""Bring a dataset of another tool into our layout: COCO panoptic's JSON and PNGs, beside the photos as they are."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..categories import Category
from ..claims import Claim
from ..coco.photo import annotated_size, is_undecided
from ..coco.writer import dataset_claim
from ..errors import ConfigError, ImageError
from ..files import leads_to_file, write_atomic
from ..images.header import check_end, read_header
from ..structures import Size
from .drawn import Photo, Source, SourceClass, as_categories
from .flatten import Overlap, flatten
from .formats import Given, find_format
from .output import Progress, dataset_output
from .overlay import with_semantic
from .report import MISSING, OTHER_SIZE, TURNED, UNREADABLE, Dropped, Report

REPORT = "import.json"
"""The name of the report's file."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What an import cannot know. ``things`` or ``stuff`` names all classes of that kind; the rest are of the other.

    ``semantic`` is a folder of label pictures that lie behind the shapes.
    """

    things: tuple[str, ...] | None = None
    stuff: tuple[str, ...] | None = None
    overlap: Overlap = "small"
    semantic: Path | None = None


def import_dataset(
    given: Given,
    output: Path,
    *,
    form: str | None = None,
    choices: Choices = Choices(),
    progress: Progress[Photo] = iter,
) -> Report:
    """Read a dataset and write it to the folder ``output``, whole or not at all. The source stays as it is.

    Photos keep their bytes and, where no two have it, their names. Those without a segment are left out.

    Args:
        given: The source and what is told of it.
        output: The folder. An earlier import there of the same source, with the same options, is replaced.
        form: The name of the format. By default the source tells it.
        choices: Which classes are things, and which of two shapes owns what both cover.
        progress: Goes through the photos, and may show how far it is.

    Raises:
        ConfigError: an option does not fit, or ``output`` holds something else
            (:class:`~modelscope_swinpan.claims.TakenError`).
        DatasetError: the source is in no known format, is damaged, or has no image with a segment.
        OSError: a file cannot be written.
    """
    report = Report()
    kind = find_format(given, form)
    claim = _claim(given, output, kind.name, choices)
    claim.check()
    source = kind.read(given, report)
    if choices.semantic is None:
        source = _chosen(source, given)
    else:
        source = with_semantic(source, choices.semantic, given, report)
    categories = read_categories(source.classes, choices)
    report.note_alike(str(given.path), categories)
    with dataset_output(claim, categories, report, exif=source.exif) as written:
        for photo in progress(source.photos):
            try:
                annotation = flatten(photo, _size(photo, report), categories, choices.overlap, report)
            except Dropped as dropped:  # noqa: PERF203 (the rest takes longer)
                report.leave_out(photo.where, dropped)
            else:
                written.add(photo.where, photo.name, photo.image, annotation)
        report.check(given.path)
        told = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        write_atomic(written.folder / REPORT, told.encode(errors="backslashreplace"))  # as JSON escapes them
    return report


def read_categories(classes: Sequence[SourceClass], choices: Choices) -> tuple[Category, ...]:
    """The categories of a dataset, those of the classes that have a name.

    Raises:
        ConfigError: a class is named that is not there.
    """
    classes = list({one.name: one for one in reversed(classes) if one.name.strip()}.values())[::-1]
    named = {one.name for one in classes}
    if choices.things is not None and choices.stuff is not None:
        raise ConfigError("Give either --things or --stuff; the classes that it does not name are of the other kind.")
    for option, names in (("--things", choices.things), ("--stuff", choices.stuff)):
        if unknown := [name for name in names or () if name not in named]:
            missing, known = ", ".join(repr(name[:80]) for name in unknown[:20]), ", ".join(sorted(named))
            raise ConfigError(
                f"{option}: no class has the name {missing}; there are: {known}. Leave out what no annotation has."
            )
    things = {one.name for one in classes if one.isthing} if choices.things is None else {*choices.things}
    if choices.stuff is not None:
        things = named.difference(choices.stuff)
    return as_categories([dataclasses.replace(one, isthing=one.name in things) for one in classes])


def _chosen(source: Source, given: Given) -> Source:
    """The source with the classes of ``given`` alone, in their order, where some are given."""
    if given.classes is None:
        return source
    there = {one.name: one for one in source.classes}
    named = [one.name for one in given.classes if not one.is_void]
    classes = [there.get(name, SourceClass(name=name, isthing=True)) for name in named]
    return dataclasses.replace(source, classes=classes)


def _claim(given: Given, output: Path, form: str, choices: Choices) -> Claim:
    made = {
        **dataclasses.asdict(choices),
        "source": str(given.path.resolve()),
        "format": form,
        "images_folder": None if given.images is None else str(given.images.resolve()),
        "classes": None if given.classes is None else [dataclasses.astuple(one) for one in given.classes],
        "split": given.split,
        "semantic": None if choices.semantic is None else str(choices.semantic.resolve()),
    }
    return dataset_claim(output, made, REPORT)


def _size(photo: Photo, report: Report) -> Size:
    """The size on which a photo was annotated, by its file's header."""
    if isinstance(photo.image, Path) and not leads_to_file(photo.image):
        raise Dropped(MISSING, str(photo.image))
    try:
        header = read_header(photo.image)
        check_end(photo.image)
    except ImageError as error:
        raise Dropped(UNREADABLE, str(error)) from None
    assert header is not None  # noqa: S101 (files and bytes have one)
    if is_undecided(header, photo.exif):
        report.note(TURNED, photo.where, "it is taken as EXIF turns it")
    if photo.size is None:
        return header.shown
    size = annotated_size(header, photo.size, photo.exif)
    if size != photo.size:
        found = f"{size.width} × {size.height} pixels"
        raise Dropped(OTHER_SIZE, f"{found}, but was annotated with {photo.size.width} × {photo.size.height}")
    return size
