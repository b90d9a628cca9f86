"""Perspective and shadows."""

import numpy as np
import pytest

from modelscope_swinpan.scenes.camera import Camera, Light
from modelscope_swinpan.scenes.canvas import Canvas
from modelscope_swinpan.structures import Size

CAMERA = Camera(Size(100, 120), horizon=40, eye=2)


def test_a_metre_on_the_ground_has_its_scale():
    right, ahead = CAMERA.ground(60, 100)
    assert right.shape == (40, 120)
    assert ahead.shape == (40, 1)
    step = right[20, 61] - right[20, 60]
    assert 1 / step == pytest.approx(CAMERA.scale(80.5))
    assert right[:, 59] == pytest.approx(-right[:, 60])
    assert (np.diff(ahead[:, 0]) < 0).all()  # lower rows are nearer


def test_nearness():
    near = CAMERA.nearness(30, 100)[:, 0]
    assert near[0] == 0
    assert near[-1] == 1
    assert (np.diff(near) >= 0).all()


@pytest.mark.parametrize(
    ("side", "ahead", "rows", "columns"),
    [(1, True, "below", "left"), (-1, True, "below", "right"), (1, False, "above", "left")],
)
def test_shadows_fall_away_from_the_sun(side, ahead, rows, columns):
    canvas = Canvas(CAMERA.size)
    canvas.image[:] = 100
    canvas.ids[:] = 1
    light = Light(side, ahead, length=0.8, strength=0.5)
    light.cast(canvas, np.ones((20, 24), np.float32), 48, 50, 70, np.array([False, True]))
    y, x = np.nonzero(canvas.image[..., 0] < 60)
    assert len(y) > 20
    assert canvas.image.min() == pytest.approx(50, abs=0.5)
    assert (y.mean() > 70) == (rows == "below")
    assert (x.mean() < 59) == (columns == "left")


def test_shadows_fall_on_the_ground_alone():
    canvas = Canvas(CAMERA.size)
    canvas.image[:] = 100
    canvas.ids[:, :60], canvas.ids[:, 60:] = 1, 2
    Light(0.1, True, 1, 0.5).cast(canvas, np.ones((20, 20), np.float32), 50, 50, 70, np.array([False, True, False]))
    assert (canvas.image[:, 60:] == 100).all()
    assert (canvas.image[:, :60] < 60).any()


def test_a_shadow_outside_the_picture():
    canvas = Canvas(CAMERA.size)
    Light(1, True, 1, 0.5).cast(canvas, np.ones((9, 9), np.float32), -80, 90, 99, np.array([True]))
    assert (canvas.image == 0).all()
