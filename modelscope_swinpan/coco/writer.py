"""Write the COCO panoptic format: one JSON file, and beside it a folder of the same name with a PNG per image.

A PNG's pixels are segment ids, ``id = R + 256 · G + 256² · B``, 0 for void. The JSON lists ``images``, ``categories``
and, per image, one of ``annotations``: the PNG's name and ``segments_info`` (cocodataset.org/#format-data).
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..categories import Category
from ..claims import PURPOSE, Claim
from ..errors import ConfigError
from ..files import atomic
from ..images.encode import write_png
from .annotation import Annotation, Example
from .encoding import colors_from_ids, info_entry

DATASET_JSON = "panoptic.json"
"""The JSON file of a dataset that :func:`write_dataset` wrote. It is written last: with it, the dataset is complete."""


class HasCocoForm(Protocol):
    """What has COCO's panoptic form, as a :class:`~modelscope_swinpan.inference.results.PanopticResult` does."""

    def to_coco(self, image_id: int, file_name: str | None = None) -> tuple[dict[str, Any], Image.Image]:
        """An item of ``annotations``, and the PNG that it names."""


class CocoPanopticWriter:
    """A context manager that writes results or annotations one by one.

    Each file is written whole or not at all. The JSON is last, so that it never names a PNG that is not there; an
    exception leaves it out. Segments of results also carry their ``score``, which COCO's own files lack. Images get
    the ids 1, 2, …
    """

    def __init__(self, json_path: Path, categories: Sequence[Category], info: Mapping[str, Any] | None = None) -> None:
        """Prepare to write ``json_path``; ``info`` is the JSON's entry of that name."""
        self.json_path = json_path
        self._info = info
        self.png_folder = json_path.with_suffix("")
        self.categories = categories
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._png_names: set[str] = set()

    def __enter__(self) -> "CocoPanopticWriter":
        """Make the folder, and remove a former JSON file, whose PNGs are about to be replaced."""
        self.png_folder.mkdir(parents=True, exist_ok=True)
        self.json_path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            write_panoptic_json(self.json_path, self._images, self._annotations, self.categories, self._info)

    def add(self, file_name: str, png_name: str, result: HasCocoForm) -> None:
        """Write the PNG of one image, and remember its entries. ``file_name`` is its name in the JSON.

        Segments are numbered from 1 in the result's order.

        Raises:
            ConfigError: a second image with the same ``png_name``.
            OSError: the PNG cannot be written.
        """
        annotation, png = result.to_coco(len(self._images) + 1, png_name)
        self._add(file_name, np.asarray(png), annotation)

    def add_annotation(self, file_name: str, png_name: str, annotation: Annotation) -> None:
        """The same for the truth of an image: ids stay as they are, crowds remain crowds. Raises as :meth:`add`."""
        entries = [info_entry(info, self.categories[info.label_id]) for info in annotation.segments]
        item = {"image_id": len(self._images) + 1, "file_name": png_name, "segments_info": entries}
        self._add(file_name, colors_from_ids(annotation.segment_ids), item)

    def _add(self, file_name: str, png: npt.NDArray[np.uint8], annotation: dict[str, Any]) -> None:
        png_name = annotation["file_name"]
        if png_name in self._png_names:
            raise ConfigError(f"{png_name} is there already: every image of {self.json_path} needs a PNG of its own.")
        write_png(self.png_folder / png_name, png)
        height, width, _ = png.shape
        self._images.append({"id": annotation["image_id"], "file_name": file_name, "height": height, "width": width})
        self._annotations.append(annotation)
        self._png_names.add(png_name)


def dataset_claim(folder: Path, made: Mapping[str, Any] | None = None, *more: str) -> Claim:
    """The claim to ``folder`` for a dataset and ``more`` files; ``made`` is JSON of what the dataset is made of."""
    return Claim(folder, {PURPOSE: "a dataset", **(made or {})}, (DATASET_JSON, "panoptic", "images", *more))


def write_dataset(
    folder: Path, examples: Iterable[Example], categories: Sequence[Category], made: Mapping[str, Any] | None = None
) -> None:
    """Write a dataset to ``folder``: ``panoptic.json``, and a PNG per image in ``panoptic`` and in ``images``.

    A dataset that was written there before, with the same ``made``, is replaced. Nothing is written before the first
    example is there.

    Raises:
        ConfigError: the folder holds something else (:class:`~modelscope_swinpan.claims.TakenError`), or another
            process writes to it.
        OSError: a file cannot be written.
    """
    claim = dataset_claim(folder, made)
    claim.check()
    numbered = enumerate(examples, start=1)
    first = list(islice(numbered, 1))
    with claim.taken(), CocoPanopticWriter(folder / DATASET_JSON, categories) as writer:
        (folder / "images").mkdir(exist_ok=True)
        for number, example in chain(first, numbered):
            name = f"{number:06d}.png"
            write_png(folder / "images" / name, example.image)
            writer.add_annotation(name, name, example)


def write_panoptic_json(
    path: Path,
    images: Iterable[Any],
    annotations: Iterable[Any],
    categories: Sequence[Category],
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write the JSON file, whole or not at all. Only one item at a time is in memory.

    Raises:
        OSError: it cannot be written.
    """
    with atomic(path) as partial, partial.open("w", encoding="utf-8") as file:
        for start, items in (('{"images": ', images), (', "annotations": ', annotations)):
            file.write(start)
            with _items(file) as add:
                for item in items:
                    add(item)
        if info is not None:
            file.write(f', "info": {json.dumps(info)}')
        file.write(f', "categories": {json.dumps(category_entries(categories))}}}')


@contextmanager
def json_list(path: Path) -> Iterator[Callable[[Any], None]]:
    """Write a JSON list to ``path``, whole or not at all: gives a function that adds an item."""
    with atomic(path) as partial, partial.open("w", encoding="utf-8") as file, _items(file) as add:
        yield add


@contextmanager
def _items(file: TextIO) -> Iterator[Callable[[Any], None]]:
    separator = "["

    def add(item: Any) -> None:
        nonlocal separator
        file.write(separator + json.dumps(item, separators=(",", ":")))
        separator = ",\n"

    yield add
    file.write("]" if separator != "[" else "[]")


def category_entries(categories: Sequence[Category]) -> list[dict[str, Any]]:
    """Categories as COCO's JSON lists them."""
    return [{**dataclasses.asdict(category), "isthing": int(category.isthing)} for category in categories]
