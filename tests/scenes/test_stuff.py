"""Layers of stuff lie where perspective puts them."""

import numpy as np
import pytest

from modelscope_swinpan.scenes import stuff as stuff
from modelscope_swinpan.scenes.camera import Camera, Light
from modelscope_swinpan.scenes.canvas import Canvas
from modelscope_swinpan.structures import Size

SIZE = Size(120, 160)
CAMERA = Camera(SIZE, horizon=50.3, eye=2)
LIGHT = Light(0.5, True, 0.7, 0.5)
SKY = stuff.SKIES[0]


@pytest.fixture
def canvas():
    canvas = Canvas(SIZE)
    stuff.paint_sky(canvas, CAMERA, LIGHT, SKY, rng(), 1)
    return canvas


def rng(seed=0):
    return np.random.default_rng(seed)


def test_sky(canvas):
    assert (canvas.ids[:51] == 1).all()
    assert (canvas.ids[51:] == 0).all()
    assert canvas.image.max() <= 256
    blue, red = canvas.image[:5, :, 2].mean(), canvas.image[:5, :, 0].mean()
    assert blue > red


def test_mountains_stand_on_the_horizon(canvas):
    stuff.paint_mountains(canvas, CAMERA, LIGHT, SKY, rng(), 2)
    mountain = canvas.ids == 2
    assert mountain[49].all()
    assert not mountain[51:].any()
    assert (np.diff(mountain[:50].astype(int), axis=0) >= 0).all()  # nothing hovers


@pytest.mark.parametrize("conifers", [False, True])
def test_woods(canvas, conifers):
    stuff.paint_woods(canvas, CAMERA, rng(), 3, conifers=conifers)
    wood = canvas.ids == 3
    assert wood[49].all()
    assert not wood[:20].any()
    assert not wood[54:].any()


@pytest.mark.parametrize("kind", stuff.GROUNDS)
def test_ground(canvas, kind):
    stuff.paint_ground(canvas, CAMERA, kind, rng(), 4)
    assert (canvas.ids[50:] == 4).all()  # 0.7 of row 50 lies below the horizon
    assert not (canvas.ids[:50] == 4).any()


def test_a_shore(canvas):
    shore = np.linspace(70, 80, SIZE.width, dtype=np.float32)
    stuff.paint_sea(canvas, CAMERA, LIGHT, SKY, rng(), 5, 81)
    before = canvas.image.copy()
    stuff.paint_ground(canvas, CAMERA, "sand", rng(), 4, shore)
    rows = np.arange(SIZE.height)[:, np.newaxis] + 0.5
    assert np.array_equal(canvas.ids == 4, rows >= shore)
    assert np.array_equal(canvas.ids == 5, (rows < shore) & (rows >= CAMERA.horizon))
    foam = (canvas.ids == 5) & (rows > shore - 1.5)
    assert canvas.image[foam].mean() > 1.2 * before[foam].mean()


def test_a_road_ahead_narrows_to_the_horizon(canvas):
    stuff.paint_road(canvas, CAMERA, rng(), 6, across=False)
    road = canvas.ids == 6
    widths = road.sum(axis=1)
    assert not road[:50].any()
    assert (np.diff(widths[60:75]) >= 0).all()
    assert widths[75] > 2 * widths[60] > 0
    right, _ = CAMERA.ground(90, 91)
    row = road[90]
    assert np.ptp(right[0][row]) < 7.2 + 0.1  # metres: at most twice 3.6


def test_a_road_across_has_straight_edges(canvas):
    stuff.paint_road(canvas, CAMERA, rng(), 6, across=True)
    road = canvas.ids == 6
    assert (road.all(axis=1) == road.any(axis=1)).all()
    assert 10 < road.any(axis=1).sum() < 70


def test_marks_are_white_on_asphalt(canvas):
    stuff.paint_road(canvas, CAMERA, rng(), 6, across=False)
    grey = canvas.image[canvas.ids == 6].mean(axis=1)
    assert np.median(grey) < 120
    assert (grey > 200).mean() > 0.01
