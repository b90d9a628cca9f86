"""The stuff of generated scenes that is not made of sprites: sky, mountains, woods, water, ground and roads.

Each function paints one layer, the farthest first. An edge is a curve, one height a column, or a distance in metres on
the ground; how much of a pixel lies beyond it follows from the pixel's place.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas, Color, Map
from .noise import TILE, curve, sample, tile
from .props import FOLIAGE
from .things import Generator, dim, pick
from .view import Light, View

FOAM: Color = (250, 252, 252)


@dataclass(frozen=True)
class Sky:
    """The colours of a sky at the top and above the horizon, of its clouds, and how much sun comes through (0–1)."""

    zenith: Color
    haze: Color
    cloud: Color
    sun: float


SKIES = (
    Sky((58, 116, 196), (188, 214, 238), (250, 250, 252), 1),
    Sky((84, 148, 220), (214, 230, 244), (248, 248, 250), 0.9),
    Sky((40, 92, 170), (160, 196, 226), (244, 246, 250), 1),
    Sky((92, 98, 150), (250, 186, 130), (248, 196, 170), 0.7),
    Sky((156, 166, 180), (206, 212, 220), (222, 226, 230), 0.25),
)


@dataclass(frozen=True)
class Ground:
    """How a kind of ground looks: its colours, and how strong coarse and fine unevenness is, relative to them."""

    colors: tuple[Color, ...]
    coarse: float
    fine: float


GROUNDS = {
    "grass-merged": Ground(((96, 142, 54), (112, 150, 62), (84, 128, 58)), 0.1, 0.22),
    "sand": Ground(((226, 200, 148), (216, 188, 132), (232, 210, 166)), 0.05, 0.07),
    "snow": Ground(((222, 232, 248), (212, 224, 244)), 0.05, 0.03),
}


def paint_sky(canvas: Canvas, view: View, light: Light, sky: Sky, rng: Generator, id_: int) -> None:
    """A gradient, the glow of a sun that stands ahead, and clouds that lie flat and flee to the horizon."""
    width, bottom = canvas.size.width, int(view.horizon) + 1
    rows = np.arange(0, bottom, 2, dtype=np.float32)[:, np.newaxis]  # it is smooth: every other pixel will do
    columns = np.arange(0, width, 2, dtype=np.float32)
    fall = np.clip(rows / view.horizon, 0, 1)[..., np.newaxis] ** 1.3
    colors = np.repeat(_row(sky.zenith) * (1 - fall) + _row(sky.haze) * fall, len(columns), axis=1)
    if light.ahead:
        away = np.hypot(columns - width * (0.5 + 0.45 * light.side), rows - 0.3 * view.horizon) / max(canvas.size)
        _blend(colors, (255, 248, 220), sky.sun * np.exp(-away / 0.1))
    distance = TILE * 0.1 / (np.maximum(view.horizon - rows, 0) / canvas.size.height + 0.18)
    noise = sample(tile(1.8), (columns - width / 2) / max(canvas.size) * distance * 2, distance * 3, rng)
    shaded = _row(sky.cloud) * (1 - 0.12 * np.clip(noise - 0.8, 0, 1.5))[..., np.newaxis]
    clouds = np.clip((noise - rng.uniform(-0.2, 1.6)) * 1.4, 0, 0.92)
    colors += (shaded - colors) * clouds[..., np.newaxis]
    canvas.fill(np.ones((bottom, width), np.float32), cv2.resize(colors, (width, bottom)), 0, id_)


def paint_mountains(canvas: Canvas, view: View, light: Light, sky: Sky, rng: Generator, id_: int) -> None:
    """A ridge with lit and shaded flanks, snow on its highest parts, pale with distance."""
    width, bottom = canvas.size.width, int(view.horizon) + 1
    peak = view.horizon * rng.uniform(0.3, 0.65)
    ridge = view.horizon - peak * np.clip(0.55 + 0.25 * curve(rng, width, 0.5, 1.4), 0.1, 1)
    top = int(ridge.min())
    rows, columns = np.arange(top, bottom, dtype=np.float32)[:, np.newaxis], np.arange(width, dtype=np.float32)
    stretch = TILE / max(canvas.size)
    noise = sample(tile(1.6), (columns * 0.6 + rows * 0.3) * stretch, rows * stretch * 0.5, rng)
    slope = np.diff(noise, axis=1, append=noise[:, -1:]) * np.copysign(1.8 / stretch, light.side)
    slope = np.clip(slope, -0.8, 0.8)
    rock = _row(pick(rng, ((98, 106, 112), (112, 104, 98), (86, 104, 96))))
    colors = rock * (1 + 0.5 * slope + 0.08 * noise)[..., np.newaxis]
    snow_line = view.horizon - peak * rng.uniform(0.45, 1)
    snow = np.clip((snow_line - rows + 0.08 * peak * noise) / 3, 0, 1)
    colors += (_row((238, 242, 250)) * (0.92 + 0.15 * slope)[..., np.newaxis] - colors) * snow[..., np.newaxis]
    colors += (_row(sky.haze) - colors) * 0.25
    canvas.fill(_below(ridge, top, bottom), colors, top, id_)


def paint_woods(canvas: Canvas, view: View, rng: Generator, id_: int, *, conifers: bool) -> None:
    """The edge of a wood along the horizon: round crowns or pointed firs."""
    height, width = canvas.size
    tall = rng.uniform(0.12, 0.32) * view.horizon
    columns = np.arange(width, dtype=np.float32)
    phase = columns / (tall * (0.35 if conifers else 0.6)) + 0.4 * curve(rng, width, 0.5)
    tops = 1 - np.abs(phase % 1 - 0.5) * 2 if conifers else np.sqrt(1 - (phase % 1 * 2 - 1) ** 2)
    skyline = view.horizon - tall * (0.75 + 0.14 * curve(rng, width, 0.3) + (0.35 if conifers else 0.2) * tops)
    top, bottom = max(0, int(skyline.min())), round(view.horizon + 0.012 * height)
    rows = np.arange(top, bottom, dtype=np.float32)[:, np.newaxis]
    stretch = 0.9 * TILE / max(canvas.size)
    leaves = sample(tile(0.9), columns * stretch, rows * stretch, rng)
    depth = np.clip((rows - skyline) / tall, 0, 1)
    green = _row((36, 72, 52) if conifers else pick(rng, FOLIAGE[:4]))
    colors = green * (1.2 - 0.55 * depth + 0.2 * leaves)[..., np.newaxis]
    canvas.fill(_below(skyline, top, bottom), colors, top, id_)


def paint_sea(canvas: Canvas, view: View, light: Light, sky: Sky, rng: Generator, id_: int, bottom: int) -> None:
    """Water down to row ``bottom``: it mirrors the sky, with waves, crests and, towards the sun, glitter."""
    width, top = canvas.size.width, int(view.horizon)
    right, ahead = view.ground(top, bottom)
    waves = sample(tile(1.2), right * 12, ahead * 40, rng) + 0.6 * sample(tile(1.0), right * 40, ahead * 160, rng)
    near = view.nearness(top, bottom)
    deep = _row(pick(rng, ((28, 92, 132), (34, 108, 128), (38, 82, 118))))
    shallow = deep + (_row(sky.haze) * 0.75 - deep) * (0.55 * (1 - near) ** 2)[..., np.newaxis]
    colors = shallow * (1 + (0.1 + 0.1 * near) * waves)[..., np.newaxis]
    crests = np.clip(waves - 2.1, 0, 1) * 0.8 * near
    if light.ahead:
        aside = (np.arange(width, dtype=np.float32) / width - 0.5 - 0.45 * light.side) / 0.09
        crests = crests + np.clip(waves - 0.3, 0, 1) * np.exp(-(aside**2)) * 0.7 * sky.sun
    _blend(colors, FOAM, np.minimum(crests, 1))
    canvas.fill(_below(np.full(width, view.horizon, np.float32), top, bottom), colors, top, id_)


def paint_ground(canvas: Canvas, view: View, kind: str, rng: Generator, id_: int, shore: Map | None = None) -> None:
    """Grass, sand or snow from the horizon down, or else from ``shore``, in front of which the sea foams."""
    ground, (height, width) = GROUNDS[kind], canvas.size
    edge = np.full(width, view.horizon, np.float32) if shore is None else shore
    top = int(edge.min())
    right, ahead = view.ground(top, height)
    coarse = sample(tile(1.6), right * 9, ahead * 9, rng)
    fine = sample(tile(0.7), right * 60, ahead * (53 if kind == "grass-merged" else 24), rng)
    near = view.nearness(top, height)
    uneven = 1 + ground.coarse * coarse + ground.fine * near * fine
    if kind == "sand":
        uneven *= 1 + 0.06 * near * np.sin(ahead * 9 + 2 * coarse)
    colors = _row(pick(rng, ground.colors)) * uneven[..., np.newaxis]
    if kind == "snow":
        colors += _row((-13, -7, 2)) * np.clip(coarse, 0, 2)[..., np.newaxis]  # hollows are blue
    if shore is not None:
        rows = np.arange(top, height, dtype=np.float32)[:, np.newaxis]
        _blend(canvas.image[top:], FOAM, 0.85 * np.clip(1.2 - np.abs(rows - shore) / 2.5, 0, 1))
    canvas.fill(_below(edge, top, height), colors, top, id_)


def paint_road(canvas: Canvas, view: View, rng: Generator, id_: int, *, across: bool) -> None:
    """Asphalt with white edge lines and a dashed middle line, leading away or running across."""
    height, top = canvas.size.height, int(view.horizon) + 1
    right, ahead = view.ground(top, height)
    pixel = right[:, 1:2] - right[:, :1]  # metres
    if across:
        row = rng.uniform(0.82, 0.97) * height
        middle = max(canvas.size) / view.scale(row)
        offset, along, half = ahead - middle, right, min(0.42 * middle, 3.4)
        pixel = ahead * pixel / view.eye
    else:
        offset, along, half = right - rng.uniform(-1.5, 1.5), ahead, rng.uniform(2.4, 3.6)
    near = view.nearness(top, height)
    noise = sample(tile(0.5), right * 50, ahead * 50, rng)
    colors = _row(dim((88, 88, 92), rng.uniform(0.8, 1.15))) * (1 + 0.08 * near * noise)[..., np.newaxis]
    dashes = _within(offset, 0.07, pixel) * (along % 4 < 2)
    _blend(colors, (238, 236, 226), np.maximum(dashes, _within(np.abs(offset) - half + 0.3, 0.07, pixel)))
    canvas.fill(np.broadcast_to(_within(offset, half, pixel), noise.shape), colors, top, id_)


def _below(edge: Map, top: int, bottom: int) -> Map:
    """How much of the pixels of rows ``top`` … ``bottom`` (h, W) lies below an edge, one height a column."""
    covered: Map = np.clip(np.arange(top + 1, bottom + 1, dtype=np.float32)[:, np.newaxis] - edge, 0, 1)
    return covered


def _within(offset: Map, half: float, pixel: Map) -> Map:
    """How much of pixels at a distance from a line lies in a band ``half`` wide to either side; all in metres."""
    covered: Map = np.clip((half - np.abs(offset)) / pixel + 0.5, 0, 1)
    return covered


def _blend(colors: Map, color: Color, alpha: Map) -> None:
    """Mix ``alpha`` (h, W) of a colour into pixels (h, W, 3)."""
    colors += (_row(color) - colors) * alpha[..., np.newaxis]


def _row(color: Color) -> Map:
    """A colour that broadcasts over pixels."""
    return np.array(color, np.float32)
