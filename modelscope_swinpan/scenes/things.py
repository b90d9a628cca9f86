"""The things of generated scenes. Each function draws one into a sprite: ``(generator, height in pixels) → Sprite``.

The unit of coordinates is the height of the thing. The random generator varies colours, poses and designs.
"""

import colorsys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .canvas import Color, Generator, Points, Sprite

Draw = Callable[[Generator, float], Sprite]
WHITE: Color = (245, 245, 240)
BLACK: Color = (25, 25, 28)
GLASS: Color = (120, 150, 165)
SKINS: tuple[Color, ...] = ((255, 219, 190), (235, 188, 150), (198, 140, 100), (140, 90, 60), (90, 58, 40))
PAINTS: tuple[Color, ...] = (
    (190, 30, 35), (30, 70, 150), (225, 225, 225), (60, 62, 66), (165, 168, 172), (40, 105, 80), (215, 165, 40),
    (120, 40, 60), (90, 140, 190), (210, 95, 35),
)  # fmt: skip
HAIRS: tuple[Color, ...] = ((30, 25, 22), (70, 45, 28), (120, 80, 40), (200, 165, 95), (130, 130, 130))


def vivid(rng: Generator, value: float = 1) -> Color:
    """A saturated colour of any hue. ``value`` (0–1) is its brightness."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.6, 1), value * rng.uniform(0.75, 1))
    return red * 255, green * 255, blue * 255


def pick(rng: Generator, colors: tuple[Color, ...]) -> Color:
    """Choose one of ``colors``."""
    return colors[rng.integers(len(colors))]


def dim(color: Color, factor: float) -> Color:
    """Multiply a colour by ``factor``, up to 255."""
    red, green, blue = (min(channel * factor, 255) for channel in color)
    return red, green, blue


def person(rng: Generator, height: float) -> Sprite:
    """A person who stands, walks or waves."""
    sprite = Sprite(0.7, 1, height)
    skin, hair, shirt = pick(rng, SKINS), pick(rng, HAIRS), vivid(rng)
    trousers = vivid(rng, 0.55) if rng.random() < 0.6 else pick(rng, ((40, 45, 60), (60, 60, 62), (190, 175, 140)))
    stride, middle = rng.uniform(0.03, 0.14), 0.35
    for side in (-1, 1):
        foot = middle + side * stride
        sprite.stroke(
            [(middle + 0.04 * side, 0.52), (middle + 0.6 * side * stride + 0.02, 0.74), (foot, 0.94)], 0.085, trousers
        )
        sprite.ellipse(foot + 0.02, 0.965, 0.055, 0.03, dim(trousers, 0.4))
    for side in (-1, 1):
        lift, bend = rng.uniform(-0.1, 0.24) if rng.random() < 0.7 else rng.uniform(-0.34, -0.2), rng.uniform(0.02, 0.1)
        elbow = (middle + side * (0.14 + bend), 0.24 + 0.12 * (lift > -0.2))
        hand = (middle + side * (0.13 + 1.2 * bend), 0.28 + lift + 0.06)
        sprite.stroke([(middle + 0.1 * side, 0.235), elbow], 0.07, dim(shirt, 0.9))
        sprite.stroke([elbow, hand], 0.05, skin)
    sprite.polygon([(0.24, 0.2), (0.46, 0.2), (0.44, 0.56), (0.26, 0.56)], shirt)
    if rng.random() < 0.3:
        sprite.polygon([(0.27, 0.5), (0.43, 0.5), (0.5, 0.74), (0.2, 0.74)], shirt)
    sprite.rectangle(0.32, 0.14, 0.38, 0.21, dim(skin, 0.9))
    sprite.ellipse(middle, 0.095, 0.068, 0.085, hair)
    face = middle + rng.uniform(-0.02, 0.02)
    sprite.ellipse(face, 0.115, 0.055, 0.065, skin)
    for side in (-1, 1):
        sprite.ellipse(face + 0.022 * side, 0.11, 0.009, 0.011, BLACK)
    if rng.random() < 0.3:
        sprite.ellipse(middle, 0.075, 0.085, 0.065, vivid(rng), start=180, end=360)
    return sprite


def car(rng: Generator, height: float) -> Sprite:
    """A car from the side."""
    sprite = Sprite(2.8, 1, height)
    paint = pick(rng, PAINTS)
    rear = rng.uniform(0.3, 0.75)  # hatchback to saloon
    sprite.polygon([(rear, 0.45), (rear + 0.25, 0.06), (1.75, 0.06), (2.15, 0.45)], paint)
    sprite.polygon([(rear + 0.12, 0.43), (rear + 0.31, 0.13), (1.15, 0.13), (1.15, 0.43)], GLASS)
    sprite.polygon([(1.23, 0.43), (1.23, 0.13), (1.71, 0.13), (2.0, 0.43)], dim(GLASS, 1.25))
    body: Points = [(0.04, 0.52), (0.12, 0.43), (2.15, 0.42), (2.62, 0.5), (2.76, 0.62), (2.76, 0.8), (0.04, 0.8)]
    sprite.polygon(body, paint)
    sprite.rectangle(0.04, 0.7, 2.76, 0.82, dim(paint, 0.6))
    sprite.stroke([(1.19, 0.44), (1.19, 0.72)], 0.02, dim(paint, 0.55))
    sprite.rectangle(1.28, 0.51, 1.42, 0.54, dim(paint, 0.4))
    sprite.ellipse(2.66, 0.59, 0.07, 0.05, (255, 245, 190))
    sprite.rectangle(0.04, 0.52, 0.12, 0.62, (200, 30, 30))
    for x in (0.6, 2.2):
        sprite.ellipse(x, 0.78, 0.22, 0.22, BLACK)
        sprite.ellipse(x, 0.78, 0.115, 0.115, (175, 178, 182))
        sprite.ellipse(x, 0.78, 0.04, 0.04, (80, 80, 84))
    sprite.mirror(rng.random() < 0.5)
    return sprite


def airplane(rng: Generator, height: float) -> Sprite:
    """An airliner in flight."""
    climb = rng.uniform(-12, 4)
    sprite = Sprite(3, 1.3, height, climb)
    body, stripe = pick(rng, (WHITE, (225, 228, 235), (205, 210, 218))), vivid(rng, 0.85)
    sprite.polygon([(1.55, 0.62), (1.05, 0.2), (0.88, 0.2), (1.2, 0.62)], dim(body, 0.72))
    sprite.polygon([(0.22, 0.58), (0.08, 0.16), (0.32, 0.16), (0.72, 0.58)], stripe)
    sprite.stroke([(0.32, 0.65), (2.55, 0.65)], 0.25, body)
    sprite.polygon([(0.1, 0.55), (0.5, 0.53), (0.5, 0.77)], body)
    sprite.ellipse(2.55, 0.66, 0.3, 0.115, body)
    sprite.stroke([(0.3, 0.69), (2.7, 0.69)], 0.05, stripe)
    for x in np.arange(0.6, 2.5, 0.17):
        sprite.ellipse(x, 0.61, 0.035, 0.035, (50, 60, 80))
    sprite.polygon([(2.6, 0.56), (2.75, 0.6), (2.7, 0.63), (2.58, 0.63)], (50, 60, 80))
    sprite.polygon([(1.75, 0.7), (1.2, 1.18), (1.0, 1.18), (1.25, 0.7)], dim(body, 0.85))
    sprite.ellipse(1.5, 0.88, 0.15, 0.07, dim(stripe, 0.8))
    sprite.polygon([(0.5, 0.66), (0.2, 0.86), (0.08, 0.86), (0.25, 0.66)], dim(body, 0.8))
    sprite.mirror(rng.random() < 0.5)
    return sprite


def boat(rng: Generator, height: float) -> Sprite:
    """A sailing boat or a motor boat."""
    hull, trim = vivid(rng, 0.8) if rng.random() < 0.5 else WHITE, vivid(rng, 0.8)
    if rng.random() < 0.65:
        sprite = Sprite(1.1, 1, height)
        sail = WHITE if rng.random() < 0.6 else vivid(rng)
        sprite.polygon([(0.56, 0.05), (0.56, 0.76), (1.0, 0.76)], sail)
        sprite.polygon([(0.5, 0.12), (0.5, 0.76), (0.12, 0.76)], dim(sail, 0.86))
        sprite.polygon([(0.56, 0.3), (0.56, 0.4), (0.78, 0.4), (0.72, 0.3)], trim)
        sprite.stroke([(0.53, 0.02), (0.53, 0.84)], 0.03, (110, 80, 50))
        sprite.polygon([(0.04, 0.8), (1.06, 0.8), (0.9, 0.99), (0.2, 0.99)], hull)
        sprite.polygon([(0.04, 0.8), (1.06, 0.8), (1.03, 0.84), (0.07, 0.84)], trim)
    else:
        sprite = Sprite(2.4, 1, height)
        sprite.polygon([(0.5, 0.55), (0.6, 0.1), (1.3, 0.1), (1.55, 0.55)], WHITE)
        sprite.polygon([(0.65, 0.42), (0.7, 0.18), (1.23, 0.18), (1.4, 0.42)], dim(GLASS, 0.7))
        sprite.polygon([(0.05, 0.5), (2.35, 0.46), (1.95, 0.98), (0.2, 0.98)], hull)
        sprite.polygon([(0.08, 0.6), (2.27, 0.56), (2.2, 0.66), (0.1, 0.7)], trim)
    sprite.mirror(rng.random() < 0.5)
    return sprite


def umbrella(rng: Generator, height: float) -> Sprite:
    """A parasol on its pole, with panels in two colours."""
    sprite = Sprite(1.3, 1, height, rng.uniform(-7, 7))
    colors = vivid(rng), WHITE if rng.random() < 0.6 else vivid(rng)
    sprite.stroke([(0.65, 0.1), (0.65, 0.98)], 0.035, (225, 215, 200))
    angles = np.linspace(0, np.pi / 2, 8)
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 1 + rng.integers(6, 9)))
    ribs = [[(0.65 + 0.57 * edge * np.sin(a), 0.5 - 0.44 * np.cos(a)) for a in angles] for edge in edges]
    for number, (left, right) in enumerate(pairwise(ribs)):
        scallop = ((left[-1][0] + right[-1][0]) / 2, 0.47)
        light = 0.8 + 0.2 * np.sin(np.pi * (number + 1) / len(edges))
        sprite.polygon([*left, scallop, *reversed(right)], dim(colors[number % 2], light))
    for rib in ribs[1:-1]:
        sprite.stroke(rib, 0.01, dim(colors[0], 0.5))
    sprite.ellipse(0.65, 0.05, 0.025, 0.04, dim(colors[0], 0.6))
    return sprite


def kite(rng: Generator, height: float) -> Sprite:
    """A diamond of four quarters, with bows on its tail."""
    sprite = Sprite(1, 1, height, rng.uniform(-40, 40))
    first, second = vivid(rng), vivid(rng) if rng.random() < 0.7 else WHITE
    wide, cross = rng.uniform(0.25, 0.34), rng.uniform(0.22, 0.32)
    top, left, bottom, right = (0.5, 0.03), (0.5 - wide, cross), (0.5, 0.68), (0.5 + wide, cross)
    tail = [(0.5 + 0.05 * np.sin(t * 9), 0.66 + 0.3 * t) for t in np.linspace(0, 1, 9)]
    sprite.stroke(tail, 0.03, second)
    for x, y in tail[2::3]:
        sprite.polygon([(x - 0.08, y - 0.04), (x + 0.08, y + 0.04), (x + 0.08, y - 0.04), (x - 0.08, y + 0.04)], first)
    centre = (0.5, cross)
    for number, (a, b) in enumerate([(top, right), (right, bottom), (bottom, left), (left, top)]):
        sprite.polygon([centre, a, b], dim(first if number % 2 else second, 1 - 0.08 * (number // 2)))
    sprite.stroke([top, bottom], 0.015, dim(first, 0.45))
    sprite.stroke([left, right], 0.015, dim(first, 0.45))
    return sprite


def ball(rng: Generator, height: float) -> Sprite:
    """A football, basketball, beach ball or tennis ball."""
    sprite = Sprite(1, 1, height, rng.uniform(-180, 180))
    (_football, _basketball, _beach_ball, _tennis_ball)[rng.integers(4)](rng, sprite)
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    sprite.shade(1.12 - 0.45 * np.clip((x**2 + (y + 0.5) ** 2) / 2, 0, 1))
    return sprite


def _ring(radius: float, angles: npt.NDArray[np.float64]) -> Points:
    """Points on a circle around the middle of a square sprite."""
    return [(0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)) for angle in angles]


def _football(rng: Generator, sprite: Sprite) -> None:
    angles = 2 * np.pi * (np.arange(5) / 5)
    sprite.ellipse(0.5, 0.5, 0.5, 0.5, WHITE)
    for inner, outer in zip(_ring(0.17, angles), _ring(0.36, angles), strict=True):
        sprite.stroke([inner, outer], 0.025, (90, 90, 90))
    sprite.polygon(_ring(0.19, angles), BLACK)
    for x, y in _ring(0.37, angles):
        sprite.ellipse(x, y, 0.1, 0.1, BLACK)


def _basketball(rng: Generator, sprite: Sprite) -> None:
    sprite.ellipse(0.5, 0.5, 0.5, 0.5, (225, 110, 40))
    t = np.linspace(-1, 1, 9)
    sprite.stroke([(0.02, 0.5), (0.98, 0.5)], 0.035, BLACK)
    sprite.stroke([(0.5, 0.02), (0.5, 0.98)], 0.035, BLACK)
    for side in (-1, 1):
        sprite.stroke([(0.5 + side * (0.2 + 0.12 * s**2), 0.5 + 0.36 * s) for s in t], 0.035, BLACK)


def _beach_ball(rng: Generator, sprite: Sprite) -> None:
    colors = [vivid(rng), WHITE, vivid(rng), WHITE, vivid(rng), WHITE]
    for number, color in enumerate(colors):
        sprite.ellipse(0.5, 0.5, 0.5, 0.5, color, start=number * 60, end=number * 60 + 60)
    sprite.ellipse(0.5, 0.5, 0.09, 0.09, WHITE)


def _tennis_ball(rng: Generator, sprite: Sprite) -> None:
    sprite.ellipse(0.5, 0.5, 0.5, 0.5, (205, 225, 60))
    t = np.linspace(-1, 1, 9)
    for side in (-1, 1):
        sprite.stroke([(0.5 + side * (0.12 + 0.22 * s**2), 0.5 + 0.38 * s) for s in t], 0.05, WHITE)


def clock(rng: Generator, height: float) -> Sprite:
    """A round clock with ticks and hands."""
    sprite = Sprite(1, 1, height)
    rim = pick(rng, (BLACK, (95, 55, 30), (185, 150, 60), (30, 80, 60), (120, 30, 35)))
    sprite.ellipse(0.5, 0.5, 0.5, 0.5, rim)
    sprite.ellipse(0.5, 0.5, 0.41, 0.41, pick(rng, (WHITE, (250, 240, 210))))

    def at(turn: float, radius: float) -> tuple[float, float]:
        return 0.5 + radius * np.sin(2 * np.pi * turn), 0.5 - radius * np.cos(2 * np.pi * turn)

    for hour in range(12):
        sprite.stroke([at(hour / 12, 0.31), at(hour / 12, 0.36)], 0.05 if hour % 3 == 0 else 0.03, BLACK)
    time = rng.random() * 12
    sprite.stroke([at(0, 0), at(time / 12, 0.2)], 0.06, BLACK)
    sprite.stroke([at(0, 0), at(time % 1, 0.3)], 0.04, BLACK)
    return sprite


_LETTERS: tuple[Points, ...] = (
    ((1, 0.1), (0.6, 0), (0.1, 0.1), (0.1, 0.4), (0.9, 0.6), (0.9, 0.9), (0.4, 1), (0, 0.9)),
    ((0, 0), (1, 0), (0.5, 0), (0.5, 1)),
    ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)),
    ((0.1, 1), (0.1, 0), (0.9, 0.1), (0.9, 0.45), (0.1, 0.5)),
)


def stop_sign(rng: Generator, height: float) -> Sprite:
    """A red octagon with a white rim that says STOP."""
    sprite = Sprite(1, 1, height, rng.uniform(-4, 4))
    for radius, color in ((0.54, WHITE), (0.49, (200 + 30 * rng.random(), 25, 35))):
        sprite.polygon(_ring(radius, np.pi * (np.arange(8) + 0.5) / 4), color)
    for number, letter in enumerate(_LETTERS):
        sprite.stroke([(0.14 + 0.19 * number + 0.14 * x, 0.37 + 0.26 * y) for x, y in letter], 0.05, WHITE)
    return sprite


def traffic_light(rng: Generator, height: float) -> Sprite:
    """Three lamps in a dark or yellow case. One of them is lit."""
    sprite = Sprite(0.46, 1, height)
    case = pick(rng, (BLACK, (45, 50, 48), (215, 165, 30)))
    sprite.rectangle(0.01, 0.01, 0.45, 0.99, case)
    sprite.rectangle(0.05, 0.04, 0.41, 0.96, dim(case, 0.75))
    lit = rng.integers(3)
    for number, lamp in enumerate(((255, 50, 40), (255, 190, 40), (60, 235, 110))):
        sprite.ellipse(0.23, 0.19 + 0.31 * number, 0.135, 0.135, lamp if number == lit else dim(lamp, 0.28))
    return sprite
