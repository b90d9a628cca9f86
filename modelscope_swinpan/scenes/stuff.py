"""The stuff of generated scenes that needs no sprites: sky, mountains, woods, water, ground and roads.

Each function paints one layer; the farthest comes first. A layer ends at a curve with one height per column, or at a
distance in metres on the ground. The place of a pixel tells how much of the pixel is covered.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera, Light, columns, rows
from .canvas import Canvas, Color, Generator, Map, blend, flat
from .noise import PERIOD, curve, sample
from .props import FOLIAGE
from .things import dim, pick

FOAM: Color = (250, 252, 252)


@dataclass(frozen=True)
class Sky:
    """The colours of a sky at the top and above the horizon, the colour of its clouds, and the sun's strength (0–1)."""

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
    """The colours of a kind of ground, and the strength of its coarse and fine texture relative to them."""

    colors: tuple[Color, ...]
    coarse: float
    fine: float


GROUNDS = {
    "grass-merged": Ground(((96, 142, 54), (112, 150, 62), (84, 128, 58)), 0.1, 0.22),
    "sand": Ground(((226, 200, 148), (216, 188, 132), (232, 210, 166)), 0.05, 0.07),
    "snow": Ground(((222, 232, 248), (212, 224, 244)), 0.05, 0.03),
}


def paint_sky(canvas: Canvas, camera: Camera, light: Light, sky: Sky, rng: Generator, id_: int) -> None:
    """A gradient with the glow of the sun, if it is ahead, and flat clouds that shrink towards the horizon."""
    width, bottom = canvas.size.width, int(camera.horizon) + 1
    y, x = rows(0, bottom, 2), columns(width, 2)  # the sky is smooth, so every other pixel is enough
    fall = np.clip(y / camera.horizon, 0, 1)[..., np.newaxis] ** 1.3
    colors = np.repeat(flat(sky.zenith) * (1 - fall) + flat(sky.haze) * fall, len(x), axis=1)
    if light.ahead:
        away = np.hypot(x - width * (0.5 + 0.45 * light.side), y - 0.3 * camera.horizon) / max(canvas.size)
        blend(colors, (255, 248, 220), sky.sun * np.exp(-away / 0.1))
    distance = PERIOD * 0.1 / (np.maximum(camera.horizon - y, 0) / canvas.size.height + 0.18)
    noise = sample(1.8, (x - width / 2) / max(canvas.size) * distance * 2, distance * 3, rng)
    shaded = flat(sky.cloud) * (1 - 0.12 * np.clip(noise - 0.8, 0, 1.5))[..., np.newaxis]
    blend(colors, shaded, np.clip((noise - rng.uniform(-0.2, 1.6)) * 1.4, 0, 0.92))
    canvas.fill(np.ones((bottom, width), np.float32), cv2.resize(colors, (width, bottom)), 0, id_)


def paint_mountains(canvas: Canvas, camera: Camera, light: Light, sky: Sky, rng: Generator, id_: int) -> None:
    """A ridge with lit and shaded flanks, snow on its highest parts, and haze in front of it."""
    width, bottom = canvas.size.width, int(camera.horizon) + 1
    peak = camera.horizon * rng.uniform(0.3, 0.65)
    ridge = camera.horizon - peak * np.clip(0.55 + 0.25 * curve(rng, width, 0.5, 1.4), 0.1, 1)
    top = int(ridge.min())
    y, x = rows(top, bottom), columns(width)
    stretch = PERIOD / max(canvas.size)
    noise = sample(1.6, (x * 0.6 + y * 0.3) * stretch, y * stretch * 0.5, rng)
    slope = np.diff(noise, axis=1, append=noise[:, -1:]) * np.copysign(1.8 / stretch, light.side)
    slope = np.clip(slope, -0.8, 0.8)
    rock = flat(pick(rng, ((98, 106, 112), (112, 104, 98), (86, 104, 96))))
    colors = rock * (1 + 0.5 * slope + 0.08 * noise)[..., np.newaxis]
    snow_line = camera.horizon - peak * rng.uniform(0.45, 1)
    snow = flat((238, 242, 250)) * (0.92 + 0.15 * slope)[..., np.newaxis]
    blend(colors, snow, np.clip((snow_line - y + 0.08 * peak * noise) / 3, 0, 1))
    colors += (flat(sky.haze) - colors) * 0.25
    canvas.fill(_below(ridge, top, bottom), colors, top, id_)


def paint_woods(canvas: Canvas, camera: Camera, rng: Generator, id_: int, *, conifers: bool) -> None:
    """The edge of a wood along the horizon, with round crowns or pointed conifers."""
    height, width = canvas.size
    tall = rng.uniform(0.12, 0.32) * camera.horizon
    x = columns(width)
    phase = x / (tall * (0.35 if conifers else 0.6)) + 0.4 * curve(rng, width, 0.5)
    tops = 1 - np.abs(phase % 1 - 0.5) * 2 if conifers else np.sqrt(1 - (phase % 1 * 2 - 1) ** 2)
    skyline = camera.horizon - tall * (0.75 + 0.14 * curve(rng, width, 0.3) + (0.35 if conifers else 0.2) * tops)
    top, bottom = max(0, int(skyline.min())), round(camera.horizon + 0.012 * height)
    y = rows(top, bottom)
    stretch = 0.9 * PERIOD / max(canvas.size)
    leaves = sample(0.9, x * stretch, y * stretch, rng)
    depth = np.clip((y - skyline) / tall, 0, 1)
    green = flat((36, 72, 52) if conifers else pick(rng, FOLIAGE[:4]))
    colors = green * (1.2 - 0.55 * depth + 0.2 * leaves)[..., np.newaxis]
    canvas.fill(_below(skyline, top, bottom), colors, top, id_)


def paint_sea(canvas: Canvas, camera: Camera, light: Light, sky: Sky, rng: Generator, id_: int, bottom: int) -> None:
    """Water down to row ``bottom``. It mirrors the sky and has waves, crests and, below a sun ahead, glitter."""
    width, top = canvas.size.width, int(camera.horizon)
    right, ahead = camera.ground(top, bottom)
    waves = sample(1.2, right * 12, ahead * 40, rng) + 0.6 * sample(1.0, right * 40, ahead * 160, rng)
    near = camera.nearness(top, bottom)
    deep = flat(pick(rng, ((28, 92, 132), (34, 108, 128), (38, 82, 118))))
    shallow = deep + (flat(sky.haze) * 0.75 - deep) * (0.55 * (1 - near) ** 2)[..., np.newaxis]
    colors = shallow * (1 + (0.1 + 0.1 * near) * waves)[..., np.newaxis]
    crests = np.clip(waves - 2.1, 0, 1) * 0.8 * near
    if light.ahead:
        aside = (columns(width) / width - 0.5 - 0.45 * light.side) / 0.09
        crests = crests + np.clip(waves - 0.3, 0, 1) * np.exp(-(aside**2)) * 0.7 * sky.sun
    blend(colors, FOAM, np.minimum(crests, 1))
    canvas.fill(_below(np.full(width, camera.horizon, np.float32), top, bottom), colors, top, id_)


def paint_ground(canvas: Canvas, camera: Camera, kind: str, rng: Generator, id_: int, shore: Map | None = None) -> None:
    """Grass, sand or snow below the horizon, or below a ``shore`` (W,) where the sea foams."""
    ground, (height, width) = GROUNDS[kind], canvas.size
    edge = np.full(width, camera.horizon, np.float32) if shore is None else shore
    top = int(edge.min())
    right, ahead = camera.ground(top, height)
    coarse = sample(1.6, right * 9, ahead * 9, rng)
    fine = sample(0.7, right * 60, ahead * (53 if kind == "grass-merged" else 24), rng)
    near = camera.nearness(top, height)
    uneven = 1 + ground.coarse * coarse + ground.fine * near * fine
    if kind == "sand":
        uneven *= 1 + 0.06 * near * np.sin(ahead * 9 + 2 * coarse)
    colors = flat(pick(rng, ground.colors)) * uneven[..., np.newaxis]
    if kind == "snow":
        colors += flat((-13, -7, 2)) * np.clip(coarse, 0, 2)[..., np.newaxis]  # hollows are blue
    if shore is not None:
        blend(canvas.image[top:], FOAM, 0.85 * np.clip(1.2 - np.abs(rows(top, height) - shore) / 2.5, 0, 1))
    canvas.fill(_below(edge, top, height), colors, top, id_)


def paint_road(canvas: Canvas, camera: Camera, rng: Generator, id_: int, *, across: bool) -> None:
    """Asphalt with white edge lines and a dashed middle line. The road leads away or runs ``across`` the picture."""
    height, top = canvas.size.height, int(camera.horizon) + 1
    right, ahead = camera.ground(top, height)
    pixel = right[:, 1:2] - right[:, :1]  # metres
    if across:
        row = rng.uniform(0.82, 0.97) * height
        middle = max(canvas.size) / camera.scale(row)
        offset, along, half = ahead - middle, right, min(0.42 * middle, 3.4)
        pixel = ahead * pixel / camera.eye
    else:
        offset, along, half = right - rng.uniform(-1.5, 1.5), ahead, rng.uniform(2.4, 3.6)
    near = camera.nearness(top, height)
    noise = sample(0.5, right * 50, ahead * 50, rng)
    colors = flat(dim((88, 88, 92), rng.uniform(0.8, 1.15))) * (1 + 0.08 * near * noise)[..., np.newaxis]
    dashes = _within(offset, 0.07, pixel) * (along % 4 < 2)
    blend(colors, (238, 236, 226), np.maximum(dashes, _within(np.abs(offset) - half + 0.3, 0.07, pixel)))
    canvas.fill(np.broadcast_to(_within(offset, half, pixel), noise.shape), colors, top, id_)


def _below(edge: Map, top: int, bottom: int) -> Map:
    """How much of each pixel of some rows (h, W) is below an edge with one height per column."""
    covered: Map = np.clip(rows(top + 1, bottom + 1) - edge, 0, 1)
    return covered


def _within(offset: Map, half: float, pixel: Map) -> Map:
    """How much of each pixel is inside a band: its distance from the middle, half the width, its size; in metres."""
    covered: Map = np.clip((half - np.abs(offset)) / pixel + 0.5, 0, 1)
    return covered
