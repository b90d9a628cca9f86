import numpy as np
import pytest

from modelscope_swinpan.evaluation.counts import count, mean_quality, means, qualities
from modelscope_swinpan.evaluation.metrics import Quality

from .maps import CAT, DOG, SKY, canvas, matching


@pytest.fixture
def found():
    """A match of 50 in 60 pixels, a cat taken for a dog."""
    return matching(
        (canvas(_1=(0, 5), _2=(6, 10)), {1: SKY, 2: CAT}), (canvas(_1=(0, 5), _2=(6, 10)), {1: SKY, 2: DOG})
    )


def test_counts_by_class(found):
    assert count(found, 3).tolist() == [[1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]
    nothing = np.zeros(2, bool)
    assert count(found, 3, true=nothing).tolist() == [[0] * 4, [0] * 4, [0, 1, 0, 0]]
    assert count(found, 3, found=nothing).tolist() == [[1, 0, 0, 1], [0, 0, 1, 0], [0] * 4]


def test_qualities():
    """Two matches of 1.5 in all, an error of each kind: PQ = 1.5 / 3. A class without segments has none."""
    counts = np.array([[2, 1, 1, 1.5], [0, 2, 0, 0], [0, 0, 0, 0]], float)
    values = qualities(counts)
    assert values[:2].tolist() == [[50, 75, pytest.approx(200 / 3)], [0, 0, 0]]
    assert np.isnan(values[2]).all()
    assert means(values)[:2].tolist() == [25, 37.5]
    assert mean_quality(counts) == Quality(pq=25, sq=37.5, rq=pytest.approx(100 / 3), classes=2)
    assert mean_quality(counts[2:]) is None
    assert np.isnan(means(qualities(counts[2:]))).all()


def test_many_at_once():
    counts = np.random.default_rng(0).integers(0, 3, (4, 5, 4)).astype(float)
    each = [means(qualities(one)) for one in counts]
    assert np.array_equal(means(qualities(counts)), each, equal_nan=True)
