"""Every thing is one whole drawing, never twice the same."""

import cv2
import numpy as np
import pytest

from modelscope_swinpan.scenes import props as props
from modelscope_swinpan.scenes import things as things

THINGS = (
    things.person,
    things.car,
    things.airplane,
    things.boat,
    things.umbrella,
    things.kite,
    things.ball,
    things.clock,
    things.stop_sign,
    things.traffic_light,
)
PROPS = (props.broadleaf, props.conifer, props.brick_wall, props.rock, props.litter_bin)


@pytest.mark.parametrize("draw", THINGS + PROPS)
class TestDrawings:
    def test_one_piece_as_high_as_asked(self, draw):
        for seed in range(8):
            colors, coverage = draw(np.random.default_rng(seed), 60).render()
            mask = (coverage >= 0.5).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            assert stats[1:, cv2.CC_STAT_AREA].max() > 0.9 * mask.sum()
            assert 35 <= cv2.boundingRect(mask)[3] <= 80
            assert (colors <= 255 * 1.5 * coverage[..., np.newaxis] + 1).all()

    def test_variety(self, draw):
        first, second = (draw(np.random.default_rng(seed), 60).render()[0] for seed in (1, 2))
        assert first.shape != second.shape or np.abs(first - second).mean() > 1

    def test_small_and_large(self, draw):
        for height in (5.0, 300.0):
            assert (draw(np.random.default_rng(0), height).render()[1] >= 0.5).any()


def test_kinds_of_one_class_look_alike_in_form():
    """All balls are round, whatever their pattern."""
    for seed in range(12):
        mask = things.ball(np.random.default_rng(seed), 60).render()[1] >= 0.5
        assert mask.sum() == pytest.approx(np.pi * 30**2, rel=0.03)


def test_pick_and_dim():
    rng = np.random.default_rng(0)
    assert {things.pick(rng, ((1, 2, 3), (4, 5, 6))) for _ in range(20)} == {(1, 2, 3), (4, 5, 6)}
    assert things.dim((100, 200, 0), 1.5) == (150, 255, 0)
    assert all(0 <= channel <= 255 for _ in range(20) for channel in things.vivid(rng))
