"""Errors made by hand, one of each kind."""

import numpy as np
import pytest

from modelscope_swinpan.evaluation.counts import count
from modelscope_swinpan.evaluation.errors import KINDS, ErrorKinds, error_kinds

from .maps import CAT, DOG, SKY, canvas, matching

WHOLE = canvas(_1=(0, 10))


def kinds(truth, found, **options):
    named = [*KINDS, None]
    return [[named[kind] for kind in side.tolist()] for side in error_kinds(matching(truth, found, **options))]


def test_right():
    assert kinds((WHOLE, {1: CAT}), (WHOLE, {1: CAT})) == [[None], [None]]


def test_a_wrong_class():
    assert kinds((WHOLE, {1: CAT}), (WHOLE, {1: DOG})) == [["wrong class"], ["wrong class"]]


def test_missed_and_false():
    truth = canvas(_1=(0, 4), _2=(4, 10))
    found = canvas(_1=(0, 4, 0, 2), _2=(4, 10), _3=(0, 4, 2, 10))
    assert kinds((truth, {1: CAT, 2: SKY}), (truth * (truth == 2), {2: SKY})) == [["missed", None], [None]]
    answer = kinds((truth, {1: SKY, 2: SKY}), (found, {1: DOG, 2: SKY, 3: SKY}))
    assert answer == [[None, None], ["false", None, None]]


def test_a_split_segment():
    """In halves, neither matches; in 6 : 4, the larger does, and the smaller is still the split's."""
    halves = canvas(_1=(0, 5), _2=(5, 10))
    assert kinds((WHOLE, {1: CAT}), (halves, {1: CAT, 2: CAT})) == [["split"], ["split", "split"]]
    uneven = canvas(_1=(0, 6), _2=(6, 10))
    assert kinds((WHOLE, {1: CAT}), (uneven, {1: CAT, 2: CAT})) == [[None], [None, "split"]]
    crumbs = canvas(_1=(0, 2), _2=(8, 10))  # two parts that leave most of it
    assert kinds((WHOLE, {1: CAT}), (crumbs, {1: CAT, 2: CAT}))[0] == ["poor boundary"]


def test_merged_segments():
    halves = canvas(_1=(0, 5), _2=(5, 10))
    assert kinds((halves, {1: CAT, 2: CAT}), (WHOLE, {1: CAT})) == [["merged", "merged"], ["merged"]]
    uneven = canvas(_1=(0, 6), _2=(6, 10))
    assert kinds((uneven, {1: CAT, 2: CAT}), (WHOLE, {1: CAT})) == [[None, "merged"], [None]]
    assert kinds((halves, {1: CAT, 2: DOG}), (WHOLE, {1: CAT}))[0] == ["poor boundary", "missed"]


def test_neighbours_do_not_split_or_merge():
    """Of the second prediction one row in five lies in the cat; two cats are a fifth of what covers them."""
    truth = canvas(_1=(0, 6), _2=(6, 10))
    found = canvas(_1=(0, 3), _2=(5, 10))
    assert kinds((truth, {1: CAT, 2: DOG}), (found, {1: CAT, 2: CAT}))[0] == ["poor boundary", "wrong class"]
    cats = canvas(_1=(0, 1), _2=(1, 2), _3=(2, 10))
    answer = kinds((cats, {1: CAT, 2: CAT, 3: SKY}), (WHOLE, {1: CAT}))
    assert answer == [["poor boundary", "poor boundary", "wrong class"], ["wrong class"]]


@pytest.mark.parametrize("rows", [1, 5])
def test_a_poor_boundary(rows):
    assert kinds((WHOLE, {1: CAT}), (canvas(_1=(0, rows)), {1: CAT})) == [["poor boundary"], ["poor boundary"]]


def test_too_little_is_no_boundary():
    """9 of 100 pixels."""
    assert kinds((WHOLE, {1: CAT}), (canvas(_1=(0, 1, 0, 9)), {1: CAT})) == [["missed"], ["false"]]


def test_crowds_and_void_are_no_errors():
    assert kinds((WHOLE, {1: CAT}), (WHOLE, {1: CAT}), crowds={1}) == [[None], [None]]
    assert kinds((canvas(), {}), (WHOLE, {1: CAT})) == [[], [None]]


def test_what_each_kind_costs():
    """A match of the sky, and a cat taken for a dog: without that pair the sky is all there is."""
    truth = canvas(_1=(0, 5), _2=(5, 10))
    found = matching((truth, {1: SKY, 2: CAT}), (canvas(_1=(0, 4), _2=(5, 10)), {1: SKY, 2: DOG}))
    errors = ErrorKinds(3)
    errors.add(found)
    figures = errors.figures(count(found, 3))
    assert figures["pq"] == pytest.approx(80 / 3)
    assert figures["exact_masks"] == pytest.approx(100 / 3)
    assert figures["kinds"]["wrong class"] == {
        "true_segments": 1,
        "predictions": 1,
        "pq_without": pytest.approx(80),
    }
    assert figures["kinds"]["missed"] == {"true_segments": 0, "predictions": 0, "pq_without": pytest.approx(80 / 3)}
    assert [errors.of_class(label) for label in (SKY, CAT, DOG)] == [{}, {"wrong class": 1}, {"wrong class": 1}]


def test_nothing_to_score():
    assert ErrorKinds(3).figures(np.zeros((3, 4)))["pq"] is None
