import numpy as np
import pytest

from modelscope_swinpan.evaluation.counts import count, mean_quality, means, panoptic_quality, qualities
from modelscope_swinpan.evaluation.metrics import Quality

from .maps import CAT, CATEGORIES, DOG, SKY, canvas, matching


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


def quality(truth, found, crowds=()):
    return panoptic_quality(count(matching(truth, found, crowds=crowds), 3), CATEGORIES)


def test_a_match_and_its_overlap():
    """50 true pixels within 60 predicted ones, none void: 50 / 60. The cat: 10 of 15."""
    truth = canvas(_1=(0, 5), _2=(5, 8, 0, 5), _3=(5, 10, 5, 10), _4=(8, 10, 0, 5))
    found = canvas(_1=(0, 6), _2=(6, 8, 0, 5))
    answer = quality((truth, {1: SKY, 2: CAT, 3: DOG, 4: DOG}), (found, {1: SKY, 2: CAT}))
    assert answer.per_class[1] == Quality(pq=pytest.approx(100 * 5 / 6), sq=pytest.approx(100 * 5 / 6), rq=100)
    assert answer.per_class[7].pq == pytest.approx(100 * 2 / 3)
    assert answer.per_class[9] == Quality(pq=0, sq=0, rq=0)  # two misses
    assert answer.stuff == Quality(pq=pytest.approx(100 * 5 / 6), sq=pytest.approx(100 * 5 / 6), rq=100, classes=1)
    assert answer.things.pq == pytest.approx(100 / 3)
    assert answer.things.classes == 2
    assert answer.all.pq == pytest.approx((100 * 5 / 6 + 100 * 2 / 3) / 3)


def test_half_an_overlap_is_no_match():
    truth, found = canvas(_1=(0, 6), _2=(6, 10)), canvas(_1=(0, 3), _2=(6, 10))
    answer = quality((truth, {1: SKY, 2: CAT}), (found, {1: SKY, 2: CAT}))
    assert answer.per_class[1].pq == 0
    assert answer.per_class[7].pq == 100


def test_another_class_is_no_match():
    """A miss of the one and an error of the other: each gets 0, and both count in the mean."""
    answer = quality((canvas(_1=(0, 10)), {1: CAT}), (canvas(_1=(0, 10)), {1: DOG}))
    assert answer.per_class.keys() == {7, 9}
    assert answer.all == Quality(pq=0, sq=0, rq=0, classes=2)


def test_void_is_not_part_of_a_union():
    """Of 60 predicted pixels 10 lie in void: 50 / 50."""
    assert quality((canvas(_1=(0, 5)), {1: CAT}), (canvas(_1=(0, 6)), {1: CAT})).per_class[7].pq == 100


@pytest.mark.parametrize(("rows", "errors"), [(4, 1), (6, 0)])
def test_what_lies_mostly_in_void_is_no_error(rows, errors):
    """``rows`` of ten lie in void. With one match: RQ = 1 / (1 + errors / 2)."""
    truth = canvas(_1=(0, 3, 0, 5), _2=(0, 10 - rows, 5, 10))
    found = canvas(_1=(0, 3, 0, 5), _2=(0, 10, 5, 10))
    answer = quality((truth, {1: CAT, 2: SKY}), (found, {1: CAT, 2: CAT}))
    assert answer.per_class[7].rq == pytest.approx(100 / (1 + errors / 2))


@pytest.mark.parametrize(("label", "errors"), [(CAT, 0), (DOG, 1)])
def test_a_crowd_excuses_its_own_class_alone(label, errors):
    truth = canvas(_1=(0, 3), _2=(3, 6), _3=(6, 10))
    predicted = canvas(_1=(0, 3), _2=(3, 6), _3=(6, 10, 0, 4))
    answer = quality((truth, {1: CAT, 2: DOG, 3: CAT}), (predicted, {1: CAT, 2: DOG, 3: label}), crowds=(3,))
    assert answer.per_class[CATEGORIES[label].id].rq == pytest.approx(100 / (1 + errors / 2))
    assert answer.per_class[7].rq == 100  # nobody has to find a crowd


def test_nothing():
    answer = quality((canvas(), {}), (canvas(), {}))
    assert (answer.all, answer.things, answer.stuff, answer.per_class) == (None, None, None, {})
