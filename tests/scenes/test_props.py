"""Houses, poles and winter trees; the other props are drawn in test_scene_things."""

import numpy as np
import pytest

from modelscope_swinpan.scenes import props as props


def test_a_house_is_as_wide_as_asked_and_lit_from_the_side():
    for side in (-1, 1):
        colors, coverage = props.house(np.random.default_rng(3), 80, 1.5, side).render()
        assert coverage.shape == (80, 120)
        assert (coverage[20:] >= 0.5).all()
        left, right = colors[30:, :40].mean(), colors[30:, 80:].mean()
        assert (left > right) == (side < 0)


def test_a_pole_is_as_thick_as_asked():
    coverage = props.pole(50, 4).render()[1]
    assert coverage.sum() == pytest.approx(200, rel=0.1)
    assert (coverage[5:45] >= 0.5).any(axis=1).all()


def test_snow_lies_on_firs():
    plain, snowy = (props.conifer(np.random.default_rng(0), 60, snow=snow).render()[0] for snow in (False, True))
    assert (plain.min(axis=2) > 180).sum() == 0
    assert (snowy.min(axis=2) > 180).sum() > 20
