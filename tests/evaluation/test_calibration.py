import numpy as np
import pytest

from modelscope_swinpan.evaluation.calibration import Calibration

from .maps import CAT, DOG, canvas, matching


def test_bins_and_their_error():
    """Of two predictions with 0.9 one has a match; one with 0.35 has none: (2 · 0.4 + 0.35) / 3."""
    truth = (canvas(_1=(0, 4), _2=(4, 10)), {1: CAT, 2: DOG})
    found = (canvas(_1=(0, 4), _2=(4, 7), _3=(7, 10)), {1: CAT, 2: CAT, 3: CAT})
    calibration = Calibration()
    calibration.add(matching(truth, found, scores={1: 0.9, 2: 0.9, 3: 0.35}))
    figures = calibration.figures()
    assert figures["bins"] == [
        {"from": 0.3, "to": 0.4, "predictions": 1, "mean_score": 0.35, "matched": 0},
        {"from": 0.9, "to": 1.0, "predictions": 2, "mean_score": 0.9, "matched": 0.5},
    ]
    assert figures["expected_error"] == pytest.approx(1.15 / 3)


def test_what_is_left_out():
    """Predictions in void or in crowds, and those without a score."""
    calibration = Calibration()
    calibration.add(matching((canvas(), {}), (canvas(_1=(0, 10)), {1: CAT}), scores={1: 0.5}))
    calibration.add(matching((canvas(_1=(0, 10)), {1: CAT}), (canvas(_1=(0, 10)), {1: CAT})))
    assert calibration.figures() is None


def test_the_error_is_that_of_hotcoco():
    metrics = pytest.importorskip("hotcoco").metrics
    rng = np.random.default_rng(0)
    calibration, scores, right = Calibration(), [], []
    for _ in range(200):
        score, label = float(rng.random()), int(rng.integers(1, 3))
        one = matching((canvas(_1=(0, 10)), {1: CAT}), (canvas(_1=(0, 10)), {1: label}), scores={1: score})
        calibration.add(one)
        scores.append(score)
        right.append(label == CAT)
    expected, _ = metrics.calibration_error(scores, right, 10)
    assert calibration.figures()["expected_error"] == pytest.approx(expected)
