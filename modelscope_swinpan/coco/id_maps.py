"""Segment ids in the pixels of label pictures and arrays, in every form that holds them without loss.

COCO's PNGs hold an id in the colour of a pixel: ``id = R + 256 · G + 256² · B``, 0 for void. Other tools add a full
alpha channel, write ids as grey values, or use a palette. What a grey or a palette means follows from the listed ids.
"""

import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ..errors import DamagedFileError, DatasetError, SwinPanError
from ..files import open_file
from ..images.decode import MAX_PIXELS
from ..images.opening import read_image
from ..structures import Size
from .annotation import Annotation, annotate
from .encoding import ids_from_colors
from .json import MAX_ID, ListedSegments
from .remarks import NO_PIXELS, Remark

FORMATS = ("PNG", "BMP", "TIFF")
"""Picture formats that keep every pixel."""
EXPECTED = "expected segment ids (H, W), or RGB (H, W, 3) that encodes them as COCO's PNGs do"
_SHOWN = 10
Ids = npt.NDArray[np.int32]
T = TypeVar("T")


def read_ids(path: Path, size: Size, listed: Collection[int], where: str) -> Ids:
    """The segment ids (H, W) of a file, which the place ``where`` names. For ``listed`` see :func:`ids_of_picture`.

    Raises:
        DamagedFileError: the file is missing or damaged.
        DatasetError: it has another size, or holds no ids.
    """

    def ids(picture: Image.Image) -> Ids:
        check_size(path, Size(picture.height, picture.width), size)
        return ids_of_picture(picture, listed, str(path))

    return read_label_file(path, ids, where)


def read_size(path: Path, where: str = "") -> Size:
    """The size of a label picture, from its header. Raises DamagedFileError as :func:`read_label_file`."""
    return read_label_file(path, lambda picture: Size(picture.height, picture.width), where)


def check_size(path: Path, size: Size, expected: Size) -> None:
    """Raise a DatasetError if a file's size is not the one in the JSON, or too large."""
    if size != expected:
        raise DatasetError(
            f"{path}: {size.width} × {size.height} pixels, but width and height in the JSON are "
            f"{expected.width} × {expected.height}."
        )
    if size.width * size.height > MAX_PIXELS:
        raise DatasetError(f"{path}: {size.width} × {size.height} pixels, expected at most {MAX_PIXELS} in total.")


def read_label_file(source: Path | bytes, read: Callable[[Image.Image], T], where: str = "") -> T:
    """``read`` of the label picture in a file, or in its content; ``where`` is the place that names it, for errors.

    Raises:
        DamagedFileError: the file is missing or damaged.
        SwinPanError: what ``read`` raises.
    """
    place = ": ".join(filter(None, (where, str(source) if isinstance(source, Path) else "")))
    try:
        with open_file(source) if isinstance(source, Path) else io.BytesIO(source) as file:
            return read_image(file, read, FORMATS)
    except SwinPanError:
        raise
    except FileNotFoundError:
        raise DamagedFileError(f"{place}: no such file.") from None
    except UnidentifiedImageError:  # whose text names an object in memory
        reason = "it is none of these"
    except Exception as error:  # damaged files make Pillow raise many error types
        reason = str(error) or type(error).__name__
    raise DamagedFileError(f"{place}: cannot be read as a PNG, BMP or TIFF: {reason}")


def ids_of_picture(picture: Image.Image, listed: Collection[int], where: str) -> Ids:
    """The segment ids (H, W) of a label picture; ``listed`` are those that it may hold, ``where`` names it in errors.

    Raises:
        DatasetError: the picture's mode holds no ids, its alpha is not full, or its pixels have two meanings.
    """
    if picture.info.get("compression") == "jpeg":
        raise DatasetError(f"{where}: compressed as JPEG, which changes ids; expected a PNG.")
    if picture.mode == "P":
        colors = np.asarray(picture.convert("RGBA" if "transparency" in picture.info else "RGB"))[..., :3]
        return _fitting([ids_from_colors(colors), np.asarray(picture).astype(np.int32)], listed, where)
    if picture.mode not in ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "RGB", "RGBA"):
        raise DatasetError(f"{where}: mode {picture.mode}, expected an RGB PNG with segment ids as colours.")
    return ids_of_array(np.asarray(picture), where)


def ids_of_array(array: npt.NDArray[Any], where: str) -> Ids:
    """The segment ids (H, W) of an array: ids, grey values or colours. Raises as :func:`ids_of_picture`."""
    array = _whole_numbers(array, where)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] not in (2, 3, 4):
        array = array.transpose(1, 2, 0)
    colors = array.ndim == 3 and array.shape[2] in (2, 3, 4)
    if array.dtype.kind not in "iu" or not (colors or array.ndim == 2):
        raise DatasetError(f"{where} has the shape {array.shape} and dtype {array.dtype}; {EXPECTED}.")
    highest = 255 if colors else MAX_ID
    if array.size and not 0 <= array.min() <= array.max() <= highest:
        found = f"values from {array.min()} to {array.max()}"
        raise DatasetError(f"{where} holds {found}; expected values from 0 to {highest}.")
    return _from_channels(array.astype(np.uint8, copy=False), where) if colors else array.astype(np.int32)


def annotate_listed(ids: Ids, listed: ListedSegments, picture: str) -> Annotation:
    """Measure the listed segments in their map, which ``picture`` names in errors.

    Listed segments without a pixel are left out, and ids that two categories share become void.

    Raises:
        DatasetError: a pixel has an id that is not listed, or no listed segment has a pixel.
    """
    found = set(np.unique(ids).tolist()) - {0}
    if listed.labels and not found:
        raise DatasetError(f"{picture}: all pixels are 0, void, but {listed.where} lists segments.")
    if stray := found - listed.labels.keys():
        shown = ", ".join(map(str, sorted(stray)[:_SHOWN])) + (", …" if len(stray) > _SHOWN else "")
        raise DatasetError(f"{picture}: ids {shown} are not in {listed.where}.")
    remarks = listed.remarks
    if empty := len(listed.labels.keys() - found):
        remarks += (Remark(NO_PIXELS, listed.where, empty),)
    if listed.ambiguous & found:
        ids = np.where(np.isin(ids, list(listed.ambiguous)), np.int32(0), ids)
    labels = {id_: listed.labels[id_] for id_ in found - listed.ambiguous}
    truth = annotate(ids, labels, listed.crowds)
    return Annotation(segment_ids=truth.segment_ids, segments=truth.segments, remarks=remarks)


def _whole_numbers(array: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Booleans and floats without a fraction as integers."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        return array
    if not np.isfinite(array).all() or (array != np.trunc(array)).any():
        raise DatasetError(f"{where} holds fractions (dtype {array.dtype}); {EXPECTED}.")
    return array.astype(np.int64)


def _from_channels(pixels: npt.NDArray[np.uint8], where: str) -> Ids:
    """Ids of grey with alpha, RGB, or RGB with alpha. Alpha must be full, except where the colour is 0, void."""
    if pixels.shape[2] == 3:
        return ids_from_colors(pixels)
    colors, alpha = pixels[..., :-1], pixels[..., -1]
    if not alpha.any() or ((alpha != 255) & colors.any(axis=2)).any():
        raise DatasetError(f"{where}: its alpha channel is not 255 everywhere, so ids may be lost; save it as RGB.")
    return colors[..., 0].astype(np.int32) if colors.shape[2] == 1 else ids_from_colors(colors)


def _fitting(readings: list[Ids], listed: Collection[int], where: str) -> Ids:
    """The reading whose ids are listed, or the first if none is.

    Raises:
        DatasetError: two that differ show equally many of the listed ids, and no others.
    """
    shown = [set(np.unique(ids).tolist()) - {0} for ids in readings]
    fitting = [(len(found), ids) for found, ids in zip(shown, readings, strict=True) if found <= set(listed)]
    if not fitting:
        return readings[0]
    most = max(count for count, _ in fitting)
    best = [ids for count, ids in fitting if count == most]
    if any((ids != best[0]).any() for ids in best):
        raise DatasetError(f"{where}: both its palette's colours and its numbers fit segments_info; save it as RGB.")
    return best[0]
