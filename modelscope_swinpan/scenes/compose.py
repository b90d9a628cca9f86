"""Compose a scene: choose a landscape, from beach to street, and put stuff and things into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from ..categories import COCO_PANOPTIC, Category
from . import props, stuff, things
from .camera import Camera, Light
from .canvas import Canvas, Generator, Map
from .noise import curve
from .placement import Kind, Stage

SKY, SEA, MOUNTAIN, TREE, HOUSE = "sky-other-merged", "sea", "mountain-merged", "tree-merged", "building-other-merged"
GRASS, SAND, SNOW, ROAD, WALL = "grass-merged", "sand", "snow", "road", "wall-brick"
GROUND = (GRASS, SAND, SNOW, ROAD)

THINGS = (
    Kind("person", things.person, (1.5, 1.9), GROUND),
    Kind("car", things.car, (1.4, 1.6), (ROAD, GRASS, SNOW)),
    Kind("airplane", things.airplane, (0.06, 0.14), (SKY,), rows=None),
    Kind("boat", things.boat, (3, 6), (SEA,), rows=(0.015, 0.25)),
    Kind("traffic light", things.traffic_light, (1.1, 1.5), GROUND, post=1.6),
    Kind("stop sign", things.stop_sign, (0.8, 1.1), GROUND, post=1.4),
    Kind("umbrella", things.umbrella, (2, 2.6), (SAND, GRASS)),
    Kind("sports ball", things.ball, (0.4, 0.85), GROUND, rows=(0.15, 0.7)),
    Kind("kite", things.kite, (0.13, 0.32), (SKY,), rows=None),
    Kind("clock", things.clock, (0.8, 1.2), GROUND, post=1.6),
    Kind("clock", things.clock, (0.07, 0.14), (HOUSE,), rows=None),
)
CLUTTER = (
    Kind(None, props.rock, (0.25, 0.8), (GRASS, SAND, SNOW)),
    Kind(None, props.litter_bin, (0.8, 1), (GRASS, SAND, ROAD)),
)
TREES = (
    Kind(TREE, props.broadleaf, (2.5, 5), (GRASS,), rows=(0.03, 0.4)),
    Kind(TREE, props.conifer, (2.5, 5), (GRASS,), rows=(0.03, 0.4)),
)
SNOWY_FIR = Kind(TREE, partial(props.conifer, snow=True), (2.5, 5), (SNOW,), rows=(0.03, 0.4))
BRICKS = Kind(WALL, props.brick_wall, (0.8, 1.1), (GRASS, SNOW), rows=(0.05, 0.3))
_FEWEST, _MOST = 3, 9
_MORE_TRIES = 40
_NAMES = {kind.name for kind in THINGS} | {SKY, SEA, MOUNTAIN, TREE, HOUSE, WALL, *GROUND}
SCENE_CATEGORIES: tuple[Category, ...] = tuple(category for category in COCO_PANOPTIC if category.name in _NAMES)
"""The categories of scenes, in COCO's order. The labels of a scene are indices into this tuple."""


Part = Literal["mountains", "sea", "road", "woods", "houses", "trees", "wall"]


@dataclass(frozen=True)
class Landscape:
    """A kind of place: its ground, how common each thing is, and the probability (0–1) of other parts."""

    ground: str
    things: Mapping[str, float]
    parts: Mapping[Part, float]

    def has(self, part: Part, rng: Generator) -> bool:
        """Draw whether a scene has this part."""
        return rng.random() < self.parts.get(part, 0)


LANDSCAPES = (
    Landscape(
        GRASS,
        {"person": 3, "sports ball": 3, "kite": 3, "umbrella": 1.5, "clock": 1.5, "airplane": 1, "stop sign": 1},
        {"mountains": 0.4, "woods": 0.7, "road": 0.15, "trees": 0.6, "wall": 0.6},
    ),
    Landscape(
        SAND,
        {"person": 2.5, "umbrella": 3, "sports ball": 2.5, "boat": 3, "kite": 1.5, "airplane": 0.7, "clock": 0.5},
        {"sea": 1, "mountains": 0.3},
    ),
    Landscape(
        GRASS,
        {"car": 5, "person": 2, "traffic light": 4, "stop sign": 3, "clock": 3, "airplane": 1},
        {"woods": 0.3, "houses": 0.9, "road": 1, "trees": 0.4, "wall": 0.2},
    ),
    Landscape(
        SNOW,
        {"person": 2, "car": 2, "kite": 1, "airplane": 1.5, "stop sign": 1.5, "traffic light": 1.5, "sports ball": 1.5},
        {"mountains": 0.8, "woods": 0.6, "houses": 0.35, "road": 0.3, "trees": 0.7, "wall": 0.2},
    ),
    Landscape(
        GRASS,
        {"boat": 5, "person": 2, "umbrella": 1, "airplane": 2, "kite": 1, "sports ball": 1, "car": 1},
        {"sea": 1, "mountains": 0.7, "trees": 0.4, "wall": 0.4},
    ),
)


def compose(canvas: Canvas, rng: Generator, far: float = 1) -> dict[int, int]:
    """Paint a scene, seen from ``far`` times as high as a standing person.

    Returns:
        The label, in :data:`SCENE_CATEGORIES`, of every id that may be in the scene.
    """
    landscape = LANDSCAPES[rng.integers(len(LANDSCAPES))]
    sky = stuff.SKIES[rng.integers(len(stuff.SKIES))]
    camera = Camera(canvas.size, canvas.size.height * rng.uniform(0.3, 0.5), rng.uniform(1.6, 2.8) * far, far)
    light = Light(rng.uniform(-1, 1), bool(rng.random() < 0.5), rng.uniform(0.4, 1), 0.5 * sky.sun)
    stage = Stage(canvas, camera, light, SCENE_CATEGORIES, GROUND)
    _paint_stuff(stage, landscape, sky, rng)
    _place_things(stage, landscape, rng)
    return stage.labels


def _paint_stuff(stage: Stage, landscape: Landscape, sky: stuff.Sky, rng: Generator) -> None:
    canvas, camera, light, ids = stage.canvas, stage.camera, stage.light, stage.stuff_ids
    stuff.paint_sky(canvas, camera, light, sky, rng, ids[SKY])
    if landscape.has("mountains", rng):
        stuff.paint_mountains(canvas, camera, light, sky, rng, ids[MOUNTAIN])
    shore = _shore(camera, rng) if landscape.has("sea", rng) else None
    if shore is not None:
        stuff.paint_sea(canvas, camera, light, sky, rng, ids[SEA], int(shore.max()) + 1)
    stuff.paint_ground(canvas, camera, landscape.ground, rng, ids[landscape.ground], shore)
    if landscape.has("road", rng):
        stuff.paint_road(canvas, camera, rng, ids[ROAD], across=bool(rng.random() < 0.5))
    if landscape.has("woods", rng):
        conifers = landscape.ground == SNOW or bool(rng.random() < 0.3)
        stuff.paint_woods(canvas, camera, rng, ids[TREE], conifers=conifers)
    if landscape.has("houses", rng):
        _paint_houses(canvas, camera, light, rng, ids[HOUSE])


def _shore(camera: Camera, rng: Generator) -> Map:
    """The edge of the sea: a row for every column (W,), below the horizon."""
    height, width = camera.size
    slope = rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, width, dtype=np.float32)
    edge = rng.uniform(0.18, 0.32) + slope + 0.012 * curve(rng, width, 0.5)
    row: Map = camera.horizon + np.maximum(edge, 0.04) * height
    return row


def _paint_houses(canvas: Canvas, camera: Camera, light: Light, rng: Generator, id_: int) -> None:
    """Paint a row of houses along the horizon, with gaps."""
    height, width = canvas.size
    left = rng.uniform(-0.1, 0.3) * width
    end = rng.uniform(0.6, 1.1) * width
    foot = round(camera.horizon + rng.uniform(0.015, 0.04) * height)
    while left < end:
        tall = rng.uniform(0.35, 0.95) * camera.horizon
        proportion = rng.uniform(0.16, 0.34) * width / tall
        colors, coverage = props.house(rng, tall, proportion, light.side).render()
        canvas.paint(colors, coverage, round(left), foot - len(coverage), id_)
        left += coverage.shape[1] + (rng.uniform(0.02, 0.15) * width if rng.random() < 0.35 else 0)


def _place_things(stage: Stage, landscape: Landscape, rng: Generator) -> None:
    """Place trees, walls, clutter and three to nine things, more if seen from high up. The farthest come first."""
    kinds = [kind for kind in THINGS if kind.name in landscape.things]
    weights = np.array([landscape.things[str(kind.name)] for kind in kinds])
    wanted = round(rng.integers(_FEWEST, _MOST + 1) * stage.camera.far)
    chosen = [kinds[index] for index in rng.choice(len(kinds), wanted, p=weights / weights.sum())]
    if landscape.has("trees", rng):
        chosen += [SNOWY_FIR if landscape.ground == SNOW else TREES[rng.integers(2)]] * int(rng.integers(1, 4))
    if landscape.has("wall", rng):
        chosen.append(BRICKS)
    chosen += [CLUTTER[index] for index in rng.integers(0, len(CLUTTER), rng.integers(0, 3))]
    plans = [plan for kind in chosen if (plan := stage.plan(kind, rng))]
    for plan in sorted(plans, key=lambda plan: plan.depth):
        stage.place(plan, rng)
    nearest = max((plan.depth for plan in plans), default=0)
    for _ in range(_MORE_TRIES):
        if stage.things >= _FEWEST:
            break
        plan = stage.plan(kinds[rng.integers(len(kinds))], rng)
        if plan and (plan.kind.rows is None or plan.depth >= nearest):
            stage.place(plan, rng)
