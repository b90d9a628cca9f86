"""Outlines as run-length codes, COCO's compact form of a mask: polygons, boxes, ellipses and bitmaps become one.

hotcoco, the library of the extra ``[eval]``, draws and counts; polygons get exactly the pixels that pycocotools gives.
"""

import cmath
import math
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import DatasetError
from ..extras import require
from ..structures import Size
from .report import BAD_OUTLINE, Dropped

Rle = dict[str, Any]
"""``{'size': [H, W], 'counts': bytes}``."""
Outline = Callable[[Size], Rle]
"""The mask of a shape in a photo of a size; raises :class:`~.report.Dropped` where there is none."""
Mask = npt.NDArray[np.bool_]
Polygon = Sequence[float]
"""``x1, y1, x2, y2, …`` in pixels."""

MAX_PERIMETER = 4_000_000  # pixels: hotcoco walks along each edge
_FAR = 10  # how many sides of the photo a corner may lie away from it
_LARGEST = 1e9  # larger numbers are no positions
_CORNERS = 72  # of an ellipse


@cache
def library() -> ModuleType:
    """The library's masks, or a ConfigError where it is not installed."""
    return require("Importing", "hotcoco", extra="eval").mask  # type: ignore[no-any-return]


def polygons(parts: Sequence[Polygon]) -> Outline:
    """The outline of an object that one or several polygons cover. Parts that are points or lines cover nothing."""

    def mask(size: Size) -> Rle:
        if not parts:
            raise Dropped(BAD_OUTLINE, "no polygon")
        drawn = [part for part in parts if len(part) not in (0, 2, 4)] or parts
        runs = [library().frPoly([float(value) for value in _checked(part, size)], *size) for part in drawn]
        merged: Rle = library().merge(runs)
        return merged

    return mask


def filled(exterior: Polygon, holes: Sequence[Polygon]) -> Outline:
    """The outline of a polygon whose corners are pixels that belong to it, without those of the ``holes``.

    It gets the pixels that OpenCV's ``fillPoly`` gives.
    """

    def mask(size: Size) -> Rle:
        whole = np.zeros(size, np.uint8)
        for part, value in ((exterior, 1), *((hole, 0) for hole in holes)):
            corners = np.asarray(_checked(part, size), np.float64).reshape(-1, 2)
            cv2.fillPoly(whole, [corners.round().astype(np.int32)], value)
        return bitmap(whole.view(np.bool_))

    return mask


def box(left: float, top: float, width: float, height: float, *, degrees: float = 0, center: bool = False) -> Outline:
    """A box, turned clockwise by ``degrees`` about its top left corner or its ``center``; all in pixels."""
    corners = (0, complex(width, 0), complex(width, height), complex(0, height))
    pivot = complex(width / 2, height / 2) if center else 0
    return _turned(corners, complex(left, top), pivot, degrees)


def ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0) -> Outline:
    """An ellipse about (x, y), turned clockwise by ``degrees``; all in pixels."""
    angles = (2 * math.pi * index / _CORNERS for index in range(_CORNERS))
    points = [complex(radius_x * math.cos(angle), radius_y * math.sin(angle)) for angle in angles]
    return _turned(points, complex(x, y), 0, degrees)


def bitmap(mask: Mask) -> Rle:
    """The code of a mask (H, W)."""
    coded: Rle = library().encode(np.asfortranarray(mask.view(np.uint8)))
    return coded


def pasted(piece: Mask, left: int, top: int) -> Outline:
    """The outline of a mask that lies in a photo with its corner at (left, top)."""

    def mask(size: Size) -> Rle:
        height, width = piece.shape
        if min(left, top) < 0 or left + width > size.width or top + height > size.height:
            raise Dropped(
                BAD_OUTLINE, f"a mask of {width} × {height} pixels at ({left}, {top}) sticks out of the image"
            )
        whole = np.zeros(size, np.bool_)
        whole[top : top + height, left : left + width] = piece
        return bitmap(whole)

    return mask


def pixels_of(values: npt.NDArray[np.int32], value: int) -> Outline:
    """The outline of the pixels of ``values`` (H, W) that have a ``value``. Fortran order is the fastest."""
    return lambda _: bitmap(values == value)


def decode(rle: Rle) -> Mask:
    """The mask (H, W) of a code."""
    mask: npt.NDArray[np.uint8] = library().decode(rle)
    return mask.view(np.bool_)


def area(rle: Rle) -> int:
    """How many pixels a code covers."""
    return int(library().area(rle))


def box_of(rle: Rle) -> tuple[int, int, int, int]:
    """The box about the pixels of a code: x, y, width and height."""
    x, y, width, height = map(int, library().toBbox(rle))
    return x, y, width, height


def runs(counts: Sequence[int], size: Size, *, by_rows: bool = False) -> Mask:
    """The mask of run lengths, by turns off and on. They run down the columns, as COCO's do, or along the rows.

    Raises:
        Dropped: a run is negative, or they do not add up to the pixels of ``size``.
    """
    if any(count < 0 for count in counts) or sum(counts) != size.height * size.width:
        raise Dropped(BAD_OUTLINE, f"its runs do not add up to {size.width} × {size.height} pixels")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(size) if by_rows else flat.reshape(size[::-1]).T


def uncompressed(text: str) -> list[int]:
    """The run lengths of COCO's compressed text: 5 bits a character, little end first, from the fourth on differences.

    Raises:
        Dropped: it is damaged. (Libraries read past its end, or take what comes.)
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise Dropped(BAD_OUTLINE, "its compressed runs are damaged")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise Dropped(BAD_OUTLINE, "its compressed runs end too early")
    return counts


def corners(points: Sequence[object], where: str) -> list[float]:
    """The polygon of a JSON file's list of pairs; ``where`` is the place of the list.

    Raises:
        DatasetError: one of the ``points`` is no pair of numbers.
    """
    polygon: list[float] = []
    for index, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_position, point)):
            raise DatasetError(f"{where}[{index}] must be two numbers, x and y; got {str(point)[:80]!r}.")
        polygon += map(float, point)
    return polygon


def _is_position(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _checked(part: Polygon, size: Size) -> Polygon:
    """A polygon that can be drawn in bounded time and memory."""
    if len(part) < 6 or len(part) % 2:
        raise Dropped(
            BAD_OUTLINE, f"a polygon of {len(part)} numbers, expected pairs of x and y of three or more corners"
        )
    try:
        points = np.asarray(part, np.float64).reshape(-1, 2)
    except OverflowError:  # JSON's whole numbers have any size
        points = np.full((1, 2), np.inf)
    if not np.isfinite(points).all() or np.abs(points).max() > _FAR * max(size):
        raise Dropped(BAD_OUTLINE, "a polygon with a corner far outside the image")
    if np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum() > MAX_PERIMETER:
        raise Dropped(BAD_OUTLINE, f"a polygon whose edges are longer than {MAX_PERIMETER} pixels")
    return part


def _turned(points: Sequence[complex], at: complex, pivot: complex, degrees: float) -> Outline:
    """A polygon of ``points``, x + iy, turned about one of them, and moved by ``at``."""
    turn = cmath.rect(1, math.radians(degrees))
    placed = ((point - pivot) * turn + (at + pivot) for point in points)
    return polygons([[number for point in placed for number in (point.real, point.imag)]])
