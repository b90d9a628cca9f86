"""Noise without seams."""

import numpy as np
import pytest

from modelscope_swinpan.scenes.noise import PERIOD, curve, pattern, sample


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("roughness", [0.0, 0.7, 1.8])
def test_mean_and_deviation(roughness):
    assert pattern(roughness).mean() == pytest.approx(0, abs=0.02)
    assert pattern(roughness).std() == pytest.approx(1, abs=1e-3)


def test_rougher_is_smoother():
    steps = [np.abs(np.diff(pattern(roughness), axis=1)).mean() for roughness in (0.0, 1.0, 2.0)]
    assert steps[0] > 2 * steps[1] > 4 * steps[2]


def test_it_repeats_without_a_seam():
    across = np.arange(0, 2 * PERIOD, 0.5, dtype=np.float32)[np.newaxis]
    line = sample(1.8, across, np.zeros_like(across), rng())[0]
    assert np.allclose(line[: 2 * PERIOD], line[2 * PERIOD :], atol=1e-3)
    assert np.abs(np.diff(line)).max() < 0.5


def test_a_pattern_is_shared_and_safe():
    assert pattern(1.0) is pattern(1.0)
    with pytest.raises(ValueError, match="read-only"):
        pattern(1.0)[0] = 0


def test_a_curve_is_smooth():
    values = curve(rng(), 300, 0.5)
    assert values.shape == (300,)
    assert np.abs(np.diff(values)).max() < 0.3
    assert np.ptp(values) > 0.1
