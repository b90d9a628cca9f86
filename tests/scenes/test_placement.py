"""Nothing labelled is tiny, and nothing is put in front of it that would hide it."""

import numpy as np
import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.scenes.camera import Camera, Light
from modelscope_swinpan.scenes.canvas import Canvas, Sprite
from modelscope_swinpan.scenes.placement import LEAST_AREA, Kind, Stage
from modelscope_swinpan.structures import Size

SIZE = Size(100, 120)
CATEGORIES = (
    Category(1, "box", True, (0, 0, 0)),
    Category(9, "grass", False, (0, 0, 0)),
    Category(8, "sky", False, (0, 0, 0)),
)
BOX, GRASS, SKY = 1, 2, 3


def box(rng, height):
    sprite = Sprite(1, 1, height)
    sprite.rectangle(0, 0, 1, 1, (200, 0, 0))
    return sprite


@pytest.fixture
def stage():
    canvas = Canvas(SIZE)
    canvas.ids[:40], canvas.ids[40:] = SKY, GRASS
    canvas.image[:] = 100
    return Stage(canvas, Camera(SIZE, 40, 2), Light(0, True, 0.5, 0.5), CATEGORIES, ["grass"])


def put(stage, kind, seed=0):
    rng = np.random.default_rng(seed)
    plan = stage.plan(kind, rng)
    return plan is not None and stage.place(plan, rng)


def things(stage):
    return {id_: int((stage.canvas.ids == id_).sum()) for id_ in stage.labels if id_ > len(CATEGORIES)}


def test_a_thing_gets_an_id_and_a_label(stage):
    assert put(stage, Kind("box", box, (1, 1), ("grass",), rows=(0.3, 0.3)))
    assert stage.things == 1
    assert stage.labels[4] == 0
    assert things(stage)[4] == pytest.approx(15 * 15, abs=16)  # 30 rows below the horizon, seen from 2 metres
    rows = np.nonzero(stage.canvas.ids == 4)[0]
    assert rows.max() == 69


def test_distance_shrinks(stage):
    for rows in (0.2, 0.4):
        assert put(stage, Kind("box", box, (1, 1), ("grass",), rows=(rows, rows)))
    far, near = things(stage).values()
    assert near == pytest.approx(4 * far, rel=0.1)


def test_what_is_too_small_is_not_drawn(stage):
    assert not put(stage, Kind("box", box, (0.2, 0.2), ("grass",), rows=(0.1, 0.1)))
    assert put(stage, Kind(None, box, (0.8, 0.8), ("grass",), rows=(0.1, 0.1)))  # clutter may be
    assert stage.things == 0
    assert 0 < (stage.canvas.ids == 0).sum() < LEAST_AREA * 12000 * 2


def test_nothing_is_hidden(stage):
    """However many are crowded into one place, each that was placed keeps its share of pixels."""
    placed = 0
    for seed in range(60):
        placed += put(stage, Kind("box", box, (1.5, 2.5), ("grass",), rows=(0.3, 0.55)), seed)
    seen = things(stage)
    assert 3 <= placed == len(seen) == stage.things < 60
    assert min(seen.values()) >= 0.4 * (1.5 * 15) ** 2 * 0.9


def test_clutter_hides_nothing_either(stage):
    assert put(stage, Kind("box", box, (1, 1), ("grass",), rows=(0.3, 0.3)))
    before = things(stage)[4]
    for seed in range(80):
        put(stage, Kind(None, box, (1, 1.5), ("grass",), rows=(0.32, 0.5)), seed)
    assert things(stage)[4] >= 0.4 * before


def test_what_hangs_stays_on_its_stuff(stage):
    for seed in range(10):
        put(stage, Kind("box", box, (0.1, 0.15), ("sky",), rows=None), seed)
    assert stage.things > 2
    assert all(np.nonzero(stage.canvas.ids == id_)[0].min() < 40 for id_ in things(stage))
    assert (stage.canvas.image[45:] == 100).all()  # no shadow


def test_a_post_is_void(stage):
    kind = Kind("box", box, (1, 1), ("grass",), rows=(0.4, 0.4), post=1)
    assert put(stage, kind)
    sign, post = np.argwhere(stage.canvas.ids == 4), np.argwhere(stage.canvas.ids == 0)
    assert sign[:, 0].max() < post[:, 0].min()
    assert post[:, 0].max() == 79
    assert abs(sign[:, 1].mean() - post[:, 1].mean()) <= 1.5


def test_stuff_keeps_its_id(stage):
    assert put(stage, Kind("grass", box, (3, 3), ("grass",), rows=(0.1, 0.1)))
    assert stage.things == 0
    assert (stage.canvas.ids[35:40] == GRASS).any()


def test_no_room(stage):
    stage.canvas.ids[40:] = SKY
    assert not put(stage, Kind("box", box, (1, 1), ("grass",), rows=(0.3, 0.3)))
    assert stage.things == 0
    assert (stage.canvas.image == 100).all()
