"""Labels of an overlay: words on coloured plates, moved apart where they would overlap."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
Plate = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels
SHARE = 1 / 4
"""The largest part of the picture that labels may cover."""
STEPS = 24
"""How many places are tried for a label, up and down from its point."""
LATIN = 0x250
"""The characters below are those that the font of Pillow has."""
FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "simhei.ttf",
    "PingFang.ttc",
    "STHeiti Medium.ttc",
    "Arial Unicode.ttf",
)
"""Fonts of Linux, Windows and macOS that have Chinese and other scripts. The first that is installed is used."""


@dataclass(frozen=True)
class Label:
    """A ``text``, the ``point`` (x, y) that its middle should be at, and its plate's colour."""

    text: str
    point: tuple[float, float]
    color: Color


def add_labels(picture: npt.NDArray[np.uint8], labels: Sequence[Label]) -> npt.NDArray[np.uint8]:
    """The picture (H, W, 3), RGB, with ``labels``, the most important first, as many as there is room for."""
    height, width = picture.shape[:2]
    size = max(10, round(min(height, width) / 32))
    padding = size // 4
    labelled = Image.fromarray(picture)
    draw = ImageDraw.Draw(labelled)
    placed: list[Plate] = []
    room = height * width * SHARE
    for label in labels:
        font = _font(label.text, size)
        wide, high = round(font.getlength(label.text)) + 2 * padding, size + 2 * padding
        room -= wide * high
        if room < 0:
            break
        if wide > width or high > height:
            continue
        plate = next(
            (tried for tried in _places(label.point, wide, high, width, height) if _is_free(tried, placed)), None
        )
        if plate is None:
            continue
        placed.append(plate)
        draw.rounded_rectangle((*plate[:2], plate[2] - 1, plate[3] - 1), padding, label.color)
        middle = ((plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2)
        draw.text(middle, label.text, "black" if _is_light(label.color) else "white", font, anchor="mm")
    return np.array(labelled)


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font that has the characters, if one is installed. Pillow's own has boxes for those that it lacks."""
    path = None if all(ord(character) < LATIN for character in text) else _installed(FONTS)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@cache
def _installed(names: Sequence[str]) -> str | None:
    """The path of the first of these fonts that there is."""
    for name in names:
        with contextlib.suppress(OSError):
            return str(ImageFont.truetype(name).path)
    return None


def _places(point: tuple[float, float], wide: int, high: int, width: int, height: int) -> Iterator[Plate]:
    """Plates of this size inside the picture: around ``point``, then ever farther above and below."""
    x = min(max(round(point[0] - wide / 2), 0), width - wide)
    for step in range(STEPS):
        away = (step + 1) // 2 * (high + 1) * (1 if step % 2 else -1)
        y = round(point[1] - high / 2) + away
        if step == 0 or 0 <= y <= height - high:
            y = min(max(y, 0), height - high)
            yield x, y, x + wide, y + high


def _is_free(plate: Plate, placed: Sequence[Plate]) -> bool:
    x1, y1, x2, y2 = plate
    return all(x2 <= left or right <= x1 or y2 <= top or bottom <= y1 for left, top, right, bottom in placed)


def _is_light(color: Color) -> bool:
    """Whether black letters on ``color`` read better than white ones (luma of ITU-R BT.601)."""
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140
