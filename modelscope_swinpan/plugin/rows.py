"""Rows of an MsDataset, or of any other sequence of mappings, as training examples."""

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch.utils.data import Dataset

from ..categories import Category
from ..coco.annotation import Annotation, Example
from ..coco.id_maps import annotate_listed, ids_of_array, ids_of_picture, read_label_file, read_size
from ..coco.json import ImageEntry, ListedSegments, read_categories
from ..coco.photo import annotated_size, is_undecided, read_photo
from ..coco.remarks import TURNED, Remark
from ..coco.values import Node
from ..errors import ConfigError, DamagedFileError, DatasetError, ImageError
from ..images.decode import ROW_KEYS
from ..images.header import read_header
from ..images.sources import local_path
from ..structures import Size


class Rows(Protocol):
    """A sequence of mappings: an ``MsDataset``, a HuggingFace ``Dataset`` or a list."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class RowDataset(Dataset[Example]):
    """The rows of a dataset as examples. A row has the columns

    * ``image`` (or ``InputImage:FILE``): what :func:`~..images.decode_image` takes, or the bytes of an image file,
    * ``label``: a panoptic map of the image's size: segment ids (H, W) with 0 for void, or RGB (H, W, 3) that encodes
      them as COCO's PNGs do, ``id = R + 256 · G + 256² · B``. It is an array or tensor, a nested list, a PIL image, or
      a PNG given by its path, its bytes, or ``{'bytes': …, 'path': …}``,
    * ``segments_info``: COCO's list of ``{'id': …, 'category_id': …}``, with ``'iscrowd': 1`` for crowds; also as a
      dict of lists or as JSON text.
    """

    def __init__(self, rows: Rows, categories: Sequence[Category]) -> None:
        """Take ``rows``, whose labels are places in ``categories``. Raises as :func:`check_rows`."""
        check_rows(rows)
        self.categories = tuple(categories)
        inner = getattr(rows, "ds_instance", rows)  # an MsDataset wraps a dataset of HuggingFace's
        # Their formats numpy and torch turn images into RGB arrays; ours are BGR.
        self._rows: Rows = inner.with_format(None) if hasattr(inner, "with_format") else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        """Image and annotation.

        Raises:
            DamagedFileError: the image or the label cannot be read.
            DatasetError: a column is missing or wrong, or two columns contradict each other.
        """
        row, where = self._row(index), f"row {index}"
        truth = read_annotation(row, self.categories, where)
        size = Size(*truth.segment_ids.shape)
        try:
            image = read_photo(image_column(row), size)
        except ImageError as error:
            raise DamagedFileError(f"{where}: {error}") from None
        if image.shape[:2] != size:
            raise DatasetError(
                f"{where}.label has the shape {tuple(size)}, but the image is {image.shape[0]} × {image.shape[1]}."
            )
        return Example(segment_ids=truth.segment_ids, segments=truth.segments, remarks=truth.remarks, image=image)

    def annotation(self, index: int) -> Annotation:
        """The annotation alone. The image may be damaged. Raises as :func:`read_annotation`."""
        return read_annotation(self._row(index), self.categories, f"row {index}")

    def listed(self, index: int) -> ListedSegments:
        """The segments that the annotation lists. Raises a DatasetError if a field is wrong."""
        return _listed_segments(self._row(index), self.categories, f"row {index}")

    def problem(self, index: int) -> str | Remark | None:
        """What the headers of a row's files show to be wrong, or a remark about its photo, or None.

        Rows that hold images instead of paths are not looked at, as they would have to be decoded.
        """
        if not self._are_paths:
            return None
        row, where = self._row(index), f"row {index}"
        try:
            label = read_size(Path(local_path(row["label"])), f"{where}.label")
            header = read_header(image_column(row))
            if header is not None and annotated_size(header, label, None) != label:
                return (
                    f"{where}: the image's size is {tuple(header.shown)} (height, width), the label's {tuple(label)}."
                )
        except (ImageError, DatasetError) as error:
            return f"{where}: {error}"
        return Remark(TURNED, where) if is_undecided(header, None) else None

    @cached_property
    def _are_paths(self) -> bool:
        """Whether image and label of the first row are paths."""
        row = self._row(0) if len(self) else {}
        image = next((row[key] for key in ROW_KEYS if key in row), None)
        return isinstance(image, str) and isinstance(row.get("label"), str)

    def _row(self, index: int) -> Mapping[str, Any]:
        row = self._rows[index]
        if not isinstance(row, Mapping):
            raise DatasetError(f"row {index} is of type {type(row).__name__}, expected a mapping of columns.")
        return row


def check_rows(rows: Any) -> None:
    """Raise a ConfigError unless ``rows`` have a length and can be drawn by number, which a stream's cannot."""
    if isinstance(rows, Mapping):
        if "label" in rows:
            raise ConfigError(
                f"The dataset is a dict of columns ({_listed(rows)}): pass its rows, a list with a dict for each."
            )
        raise ConfigError(f"The dataset has several splits ({_listed(rows)}): pass one of them.")
    try:
        len(rows)  # an MsDataset around a stream has the method, but no length
    except TypeError:
        drawn = False
    else:
        drawn = hasattr(rows, "__getitem__")
    if not drawn or isinstance(rows, str | bytes):
        raise ConfigError(
            "Rows need a dataset whose length is known, and whose rows can be drawn in any order; a "
            f"{type(getattr(rows, 'ds_instance', rows)).__name__} streams them. Load it without streaming, or put its "
            "first rows into a list: list(itertools.islice(dataset, 1000))."
        )


def _listed(names: Mapping[Any, Any]) -> str:
    return f"{', '.join(map(str, names)):.200}"


def read_annotation(row: Mapping[str, Any], categories: Sequence[Category], where: str) -> Annotation:
    """The annotation in a row's ``label`` and ``segments_info``; ``where`` names the row.

    Raises:
        DamagedFileError: the label is a file that cannot be read.
        DatasetError: one of them is missing or wrong, or they contradict each other.
    """
    if "label" not in row:
        raise DatasetError(f"{where} has no column 'label'; its columns: {', '.join(map(repr, row)) or 'none'}.")
    listed = _listed_segments(row, categories, where)
    return annotate_listed(_segment_ids(row["label"], listed.labels, f"{where}.label"), listed, f"{where}.label")


def _listed_segments(row: Mapping[str, Any], categories: Sequence[Category], where: str) -> ListedSegments:
    labels = {category.id: label for label, category in enumerate(categories)}
    return ImageEntry(0, "", Size(0, 0), Node(row, where)).segments(labels)


def parse_categories(listed: Sequence[Category | Mapping[str, Any]]) -> tuple[Category, ...]:
    """Categories, given as such or as the list in COCO's JSON: id, name, isthing and optionally color.

    Raises:
        DatasetError: a field is missing or wrong, or an id occurs twice.
    """
    if not isinstance(listed, str) and all(isinstance(item, Category) for item in listed):
        return tuple(listed)  # type: ignore[arg-type]
    return read_categories(Node({"categories": listed}, "default_args"))


def image_column(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's image alone, in a form that ``decode_image`` takes."""
    return {key: {"bytes": row[key]} if isinstance(row[key], bytes) else row[key] for key in ROW_KEYS if key in row}


def _segment_ids(value: Any, listed: Collection[int], where: str) -> npt.NDArray[np.int32]:
    """The segment ids (H, W) of a label."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")

    read = partial(ids_of_picture, listed=listed, where=where)
    if isinstance(value, str | os.PathLike):
        return read_label_file(Path(local_path(os.fspath(value))), read, where)
    if isinstance(value, bytes):
        return read_label_file(value, read, where)
    try:
        if isinstance(value, Image.Image):
            return read(value)
        array = np.asarray(value)
    except DatasetError:
        raise
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise DamagedFileError(f"{where} cannot be read: {error or type(error).__name__}") from None
    return ids_of_array(array, where)
