"""Shapes cover the pixels they should, in the picture and in the truth alike."""

import numpy as np
import pytest

from modelscope_swinpan.scenes.canvas import Canvas, Sprite
from modelscope_swinpan.structures import Size


def rendered(sprite):
    colors, coverage = sprite.render()
    return colors, coverage


@pytest.mark.parametrize("unit", [20.0, 200.0])  # four samples a pixel, and two
def test_coverage_is_the_area(unit):
    sprite = Sprite(1, 1, unit)
    sprite.polygon([(0.1, 0.2), (0.9, 0.2), (0.5, 0.8)], (255, 0, 0))
    assert sprite.render()[1].sum() == pytest.approx(0.24 * unit**2, rel=0.06)
    sprite = Sprite(1, 1, unit)
    sprite.ellipse(0.5, 0.5, 0.4, 0.3, (255, 0, 0))
    assert sprite.render()[1].sum() == pytest.approx(np.pi * 0.12 * unit**2, rel=0.06)
    sprite = Sprite(1, 1, unit)
    sprite.stroke([(0.2, 0.5), (0.8, 0.5)], 0.1, (255, 0, 0))
    assert sprite.render()[1].sum() == pytest.approx((0.06 + np.pi * 0.05**2) * unit**2, rel=0.15)


def test_a_circle_has_the_pixels_whose_centres_it_covers():
    sprite = Sprite(1, 1, 60)
    sprite.ellipse(0.5, 0.5, 0.4, 0.4, (255, 0, 0))
    coverage = sprite.render()[1]
    y, x = np.mgrid[:60, :60] + 0.5
    inside = np.hypot(x - 30, y - 30) - 24
    assert (coverage[inside < -0.7] == 1).all()
    assert (coverage[inside > 0.7] == 0).all()
    assert ((coverage >= 0.5) == (inside < 0)).mean() > 0.99


def test_turning_and_mirroring():
    def half(turn=0, mirror=False):
        sprite = Sprite(1, 1, 40, turn)
        sprite.rectangle(0, 0, 0.5, 1, (200, 0, 0))
        sprite.mirror(mirror)
        return sprite.render()[1].round()

    assert np.array_equal(half()[:, 1:19], np.ones((40, 18)))
    assert np.array_equal(half(mirror=True), half()[:, ::-1])
    turned = half(90)
    assert turned[1:18].all()
    assert not turned[22:].any()


def test_shade():
    sprite = Sprite(1, 1, 8)
    sprite.rectangle(0, 0, 1, 1, (200, 100, 0))
    sprite.shade(np.array([[0.5, 0.5], [0.5, 0.5]]))
    colors, coverage = sprite.render()
    assert np.allclose(colors[4, 4], (100, 50, 0))
    assert (coverage == 1).all()


def test_paint_blends_and_labels():
    canvas = Canvas(Size(4, 6))
    coverage = np.array([[0.25, 0.5, 1]], np.float32)
    canvas.paint(coverage[..., np.newaxis] * (0, 0, 200), coverage, 1, 2, 7)
    assert canvas.ids.tolist() == [[0] * 6, [0] * 6, [0, 0, 7, 7, 0, 0], [0] * 6]
    assert canvas.image[2, :, 2].tolist() == [0, 50, 100, 200, 0, 0]


@pytest.mark.parametrize(("left", "top"), [(-2, -1), (5, 3), (-9, 0), (9, 9), (0, -9), (2, 0)])
def test_sprites_that_stick_out(left, top):
    canvas = Canvas(Size(4, 6))
    coverage = np.ones((2, 3), np.float32)
    under = canvas.under(coverage, left, top)
    canvas.paint(np.ones((2, 3, 3), np.float32), coverage, left, top, 1)
    expected = np.zeros((4, 6), bool)
    for y in range(top, top + 2):
        for x in range(left, left + 3):
            if 0 <= y < 4 and 0 <= x < 6:
                expected[y, x] = True
    assert np.array_equal(canvas.ids == 1, expected)
    assert np.array_equal(canvas.image[..., 0] == 1, expected)
    assert under.tolist() == [0] * expected.sum()


def test_fill():
    canvas = Canvas(Size(3, 2))
    coverage = np.array([[1, 0.4], [0.5, 0]], np.float32)
    canvas.fill(coverage, np.full((2, 2, 3), 100, np.float32), 1, 3)
    assert canvas.ids.tolist() == [[0, 0], [3, 0], [3, 0]]
    assert np.allclose(canvas.image[..., 0], [[0, 0], [100, 40], [50, 0]])
