"""Rows of an MsDataset, or of any other sequence of mappings, as training examples."""

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch.utils.data import Dataset

from ..categories import Category
from ..coco.annotation import Annotation, Example, annotate
from ..coco.encoding import ids_from_colors
from ..coco.json import MAX_ID, ImageEntry, Node, read_categories
from ..errors import DatasetError, ImageError
from ..images.decode import ROW_KEYS, decode_image
from ..structures import Size


class Rows(Protocol):
    """A sequence of mappings: an ``MsDataset``, a HuggingFace ``Dataset`` or a list."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class RowDataset(Dataset[Example]):
    """The rows of a dataset as examples. A row has the columns

    * ``image`` (or ``InputImage:FILE``): what :func:`~..images.decode_image` takes, or the bytes of an image file,
    * ``label``: a panoptic map of the image's size: segment ids (H, W) with 0 for void, or RGB (H, W, 3) that encodes
      them as COCO's PNGs do, ``id = R + 256 · G + 256² · B``. It is an array, a nested list, a PIL image, or a PNG
      given by its path, its bytes, or ``{'bytes': …, 'path': …}``,
    * ``segments_info``: COCO's list of ``{'id': …, 'category_id': …}``, with ``'iscrowd': 1`` for crowds.
    """

    def __init__(self, rows: Rows, categories: Sequence[Category]) -> None:
        self.categories = tuple(categories)
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        """Image and annotation.

        Raises:
            DatasetError: a column is missing or wrong, or two columns contradict each other.
        """
        row, where = self._rows[index], f"row {index}"
        if not isinstance(row, Mapping):
            raise DatasetError(f"{where} is of type {type(row).__name__}, expected a mapping of columns.")
        try:
            image = decode_image(image_column(row))
        except ImageError as error:
            raise DatasetError(f"{where}: {error}") from None
        truth = read_annotation(row, self.categories, where, size=Size(*image.shape[:2]))
        return Example(segment_ids=truth.segment_ids, segments=truth.segments, image=image)


def read_annotation(
    row: Mapping[str, Any], categories: Sequence[Category], where: str, *, size: Size | None = None
) -> Annotation:
    """The annotation in a row's ``label`` and ``segments_info``; ``where`` names the row, ``size`` is the image's.

    Raises:
        DatasetError: one of them is missing or wrong, or they contradict each other or the size.
    """
    if "label" not in row:
        raise DatasetError(f"{where} has no column 'label'; its columns: {', '.join(map(repr, row)) or 'none'}.")
    ids = _segment_ids(row["label"], f"{where}.label", size)
    listed = row.get("segments_info")
    if isinstance(listed, Sequence):  # a table has None where a row lacks a field, such as iscrowd
        listed = [_filled(info) for info in listed]
    labels = {category.id: label for label, category in enumerate(categories)}
    entry = ImageEntry(0, "", Size(*ids.shape), Node({"segments_info": listed}, where))
    segments, crowds = entry.segments(labels)
    if different := (set(np.unique(ids).tolist()) - {0}) ^ segments.keys():
        raise DatasetError(f"{where}: segment {min(different)} is not in both label and segments_info.")
    return annotate(ids, segments, crowds)


def parse_categories(listed: Sequence[Category | Mapping[str, Any]]) -> tuple[Category, ...]:
    """Categories, given as such or as the dicts of COCO's JSON: id, name, isthing and optionally color.

    Raises:
        DatasetError: a field is missing or wrong, or an id occurs twice.
    """
    if all(isinstance(item, Category) for item in listed):
        return tuple(listed)  # type: ignore[arg-type]
    return read_categories(Node({"categories": list(listed)}, "default_args"))


def image_column(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's image alone, in a form that ``decode_image`` takes."""
    return {key: {"bytes": row[key]} if isinstance(row[key], bytes) else row[key] for key in ROW_KEYS if key in row}


def _filled(info: Any) -> Any:
    return {key: value for key, value in info.items() if value is not None} if isinstance(info, Mapping) else info


def _segment_ids(value: Any, where: str, size: Size | None) -> npt.NDArray[np.int32]:
    """The segment ids (H, W) of a label."""
    pixels = _pixels(value, where)
    if size is not None and pixels.shape[:2] != size:
        raise DatasetError(f"{where} has the shape {pixels.shape}, but the image is {size.height} × {size.width}.")
    is_color = pixels.ndim == 3 and pixels.shape[2] == 3
    highest = 255 if is_color else MAX_ID
    if pixels.dtype.kind not in "iu" or not (is_color or pixels.ndim == 2):
        raise DatasetError(
            f"{where} has the shape {pixels.shape} and dtype {pixels.dtype}; expected segment ids (H, W), or RGB "
            "(H, W, 3) that encodes them as COCO's PNGs do."
        )
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= highest:
        raise DatasetError(
            f"{where} holds values from {pixels.min()} to {pixels.max()}; expected values from 0 to {highest}."
        )
    return ids_from_colors(pixels.astype(np.uint8)) if is_color else pixels.astype(np.int32)


def _pixels(value: Any, where: str) -> npt.NDArray[Any]:
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        value = io.BytesIO(value)
    try:
        if isinstance(value, str | os.PathLike | io.BytesIO):
            with Image.open(value, formats=("PNG",)) as png:
                return np.asarray(png)
        return np.asarray(value)
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise DatasetError(f"{where} cannot be read: {error or type(error).__name__}") from None
