"""Sprites that are no things: trees, houses and walls, which are stuff, and clutter, which is void."""

import numpy as np

from .canvas import Color, Generator, Map, Sprite
from .noise import PERIOD, pattern
from .things import BLACK, GLASS, WHITE, dim, pick

TRUNK: Color = (95, 70, 48)
FOLIAGE: tuple[Color, ...] = ((52, 98, 40), (66, 112, 44), (40, 84, 46), (84, 112, 40), (176, 104, 38), (160, 70, 35))
FACADES: tuple[Color, ...] = (
    (196, 180, 156), (178, 120, 96), (214, 204, 190), (150, 150, 158), (222, 196, 140), (168, 140, 130),
    (130, 146, 160),
)  # fmt: skip


def patch(rng: Generator, side: int) -> Map:
    """A random square (side, side) of fine noise."""
    y, x = rng.integers(0, PERIOD - side, 2)
    return pattern(1.0)[y : y + side, x : x + side]


def broadleaf(rng: Generator, height: float) -> Sprite:
    """A tree with a round crown of leaves."""
    sprite = Sprite(0.9, 1, height)
    green = pick(rng, FOLIAGE)
    sprite.polygon([(0.42, 0.5), (0.48, 0.5), (0.52, 1), (0.38, 1)], TRUNK)
    spots = rng.uniform(-1, 1, (26, 2)) * (0.3, 0.24) + (0.45, 0.34)
    for x, y in sorted(spots.tolist(), key=lambda spot: -spot[1]):
        radius = rng.uniform(0.08, 0.14)
        sprite.ellipse(x, y, radius, 0.8 * radius, dim(green, 1.35 - 0.9 * y + rng.uniform(-0.1, 0.1)))
    sprite.shade(1 + 0.16 * patch(rng, 40))
    return sprite


def conifer(rng: Generator, height: float, snow: bool = False) -> Sprite:
    """A fir with stacked tiers, and ``snow`` on them in winter."""
    sprite = Sprite(0.6, 1, height)
    green = dim((34, 74, 52), rng.uniform(0.8, 1.25))
    sprite.rectangle(0.27, 0.85, 0.33, 1, TRUNK)
    for tier in range(5, -1, -1):
        wide, top = 0.09 + 0.035 * tier, 0.02 + 0.115 * tier
        low = top + 0.3
        sprite.polygon(
            [(0.3, top), (0.3 - wide, low), (0.3, low - 0.03), (0.3 + wide, low)], dim(green, 1.15 - 0.07 * tier)
        )
        if snow:
            sprite.polygon(
                [(0.3, top), (0.3 - 0.7 * wide, top + 0.2), (0.3, top + 0.16), (0.3 + 0.3 * wide, top + 0.14)],
                (232, 238, 246),
            )
    sprite.shade(1 + 0.14 * patch(rng, 40))
    return sprite


def house(rng: Generator, height: float, width: float, light_side: float) -> Sprite:
    """A building with rows of windows. ``width`` is in heights; ``light_side`` is -1 (left) to 1 (right)."""
    sprite = Sprite(width, 1, height)
    facade = pick(rng, FACADES)
    gabled = rng.random() < 0.4
    eaves = 0.2 if gabled else 0.04
    roof = pick(rng, ((140, 62, 48), (84, 80, 84), (110, 72, 56)))
    if gabled:
        sprite.polygon([(0, eaves), (0.2 * width, 0), (0.8 * width, 0), (width, eaves)], roof)
    else:
        sprite.rectangle(0, 0, width, eaves, dim(facade, 0.7))
    sprite.rectangle(0, eaves, width, 1, facade)
    floors, columns = int(rng.integers(2, 6)), max(2, round(width * rng.uniform(3.5, 6)))
    step_x, step_y = width / columns, (0.94 - eaves) / floors
    window = pick(rng, (GLASS, (70, 84, 100), (46, 52, 66)))
    for row in range(floors):
        for column in range(columns):
            x, y = (column + 0.25) * step_x, eaves + (row + 0.25) * step_y
            lit = rng.random() < 0.12
            sprite.rectangle(
                x - 0.012, y - 0.012, x + 0.5 * step_x + 0.012, y + 0.55 * step_y + 0.012, dim(facade, 0.8)
            )
            sprite.rectangle(x, y, x + 0.5 * step_x, y + 0.55 * step_y, (250, 222, 140) if lit else window)
    door = rng.uniform(0.2, 0.8) * width
    sprite.rectangle(door - 0.05, 1 - 0.7 * step_y, door + 0.05, 1, (88, 58, 40))
    sprite.shade(1 + 0.12 * light_side * np.linspace(-1, 1, 8)[np.newaxis].repeat(2, 0))
    return sprite


def brick_wall(rng: Generator, height: float) -> Sprite:
    """A garden wall of red bricks under a coping."""
    width, courses = rng.uniform(3, 7), 7
    sprite = Sprite(width, 1, height)
    brick, step = dim((168, 74, 54), rng.uniform(0.85, 1.1)), 1 / courses
    sprite.rectangle(0, 0, width, 1, (196, 182, 168))
    for course in range(1, courses):
        for x in np.arange(-step * (course % 2), width, 2 * step):
            color = dim(brick, rng.uniform(0.8, 1.15))
            sprite.rectangle(x, course * step, x + 1.82 * step, (course + 0.84) * step, color)
    sprite.rectangle(0, 0, width, 0.8 * step, (190, 180, 168))
    return sprite


def pole(height: float, thickness: float) -> Sprite:
    """A grey post. Height and thickness are in pixels."""
    wide = thickness / height
    sprite = Sprite(2 * wide, 1, height)
    sprite.rectangle(0.5 * wide, 0, 1.5 * wide, 1, (120, 122, 126))
    return sprite


def rock(rng: Generator, height: float) -> Sprite:
    """A boulder."""
    sprite = Sprite(1.6, 1, height)
    grey = dim((128, 122, 116), rng.uniform(0.8, 1.15))
    angles = np.linspace(np.pi, 2 * np.pi, 7)
    edge = [(0.8 + rng.uniform(0.6, 0.78) * np.cos(a), 0.98 + rng.uniform(0.7, 0.95) * np.sin(a)) for a in angles]
    sprite.polygon(edge, grey)
    sprite.polygon([edge[2], edge[3], edge[4], (0.9, 0.55)], dim(grey, 1.2))
    return sprite


def litter_bin(rng: Generator, height: float) -> Sprite:
    """A litter bin."""
    sprite = Sprite(0.7, 1, height)
    color = pick(rng, ((60, 90, 70), (90, 94, 98), (70, 80, 110)))
    sprite.polygon([(0.05, 0.15), (0.65, 0.15), (0.58, 1), (0.12, 1)], color)
    sprite.rectangle(0.02, 0.04, 0.68, 0.16, BLACK)
    sprite.stroke([(0.12, 0.45), (0.58, 0.45)], 0.06, WHITE)
    return sprite
