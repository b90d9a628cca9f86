"""Make one dataset of several. Classes of one name are one class, and a photo of the same content comes in once."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..categories import Category
from ..coco.annotation import Annotation
from ..coco.reader import CocoPanoptic
from ..coco.writer import dataset_claim
from ..errors import ConfigError
from .drawn import SourceClass, as_categories
from .files import content_digest
from .output import Progress, dataset_output
from .report import REPEATED, Dropped, Report


def merge_datasets(
    datasets: Sequence[CocoPanoptic], output: Path, *, progress: Progress[tuple[CocoPanoptic, int]] = iter
) -> Report:
    """Write the images of several datasets, one after the other, to the folder ``output``.

    Raises:
        ConfigError: there are fewer than two, they disagree on a class or on EXIF, or ``output`` holds something else.
        DatasetError: a dataset is damaged, or none has an image with a segment.
        OSError: a file cannot be written.
    """
    if len(datasets) < 2:
        raise ConfigError("Give two datasets or more to merge.")
    if len({dataset.exif for dataset in datasets}) > 1:
        told = ", ".join(f"{dataset.layout.json_path}: {dataset.exif or 'nothing'}" for dataset in datasets)
        raise ConfigError(f"The datasets disagree on EXIF (info.exif in the JSON): {told}. Make them agree first.")
    categories = merged_categories(datasets)
    labels = {category.name: label for label, category in enumerate(categories)}
    claim = dataset_claim(output, {"merge_of": [str(dataset.layout.json_path.resolve()) for dataset in datasets]})
    report = Report()
    report.note_alike(str(datasets[0].layout.json_path), categories)
    places = [(dataset, index) for dataset in datasets for index in range(len(dataset))]
    with dataset_output(claim, categories, report, exif=datasets[0].exif) as written:
        for dataset, index in progress(places):
            entry = dataset.entries[index]
            first = written.photos.get(content_digest(dataset.image_path(entry)))
            if first is not None:
                report.leave_out(dataset.where(entry), Dropped(REPEATED, first))
                continue
            written.copy(dataset, index, partial(_with_labels, dataset.categories, labels))
        report.check(datasets[0].layout.json_path)
    return report


def merged_categories(datasets: Sequence[CocoPanoptic]) -> tuple[Category, ...]:
    """The classes of several datasets, in the order in which they are met, with ids and colours that differ.

    Raises:
        ConfigError: a class is a thing in one and stuff in another.
    """
    found: dict[str, Category] = {}
    for dataset in datasets:
        for category in dataset.categories:
            first = found.setdefault(category.name, category)
            if first.isthing != category.isthing:
                raise ConfigError(
                    f"{dataset.layout.json_path}: {category.name[:80]!r} is {_kind(category)} there, and "
                    f"{_kind(first)} before; make them the same with swinpan dataset remap (isthing)."
                )
    return as_categories([*map(SourceClass.of, found.values())])


def _kind(category: Category) -> str:
    return "a thing" if category.isthing else "stuff"


def _with_labels(categories: Sequence[Category], labels: dict[str, int], truth: Annotation) -> Annotation:
    segments = tuple(
        dataclasses.replace(segment, label_id=labels[categories[segment.label_id].name]) for segment in truth.segments
    )
    return dataclasses.replace(truth, segments=segments)
