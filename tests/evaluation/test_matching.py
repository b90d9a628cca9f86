"""Overlaps of segments, against cases worked by hand."""

import numpy as np
import pytest

from .maps import CAT, DOG, SKY, canvas, listed, matching


def test_pairs_and_their_overlap():
    """50 true pixels of the sky within 60 predicted ones; the cat is predicted as a dog; 10 pixels are void."""
    found = matching(
        (canvas(_1=(0, 5), _2=(5, 9)), {1: SKY, 2: CAT}), (canvas(_4=(0, 6), _9=(6, 10)), {4: SKY, 9: DOG})
    )
    assert found.shared.tolist() == [[50, 0], [10, 30]]
    assert (found.true_areas.tolist(), found.found_areas.tolist()) == ([50, 40], [60, 40])
    assert found.seen_areas.tolist() == [60, 30]  # the last row is void
    assert found.iou.tolist() == [[50 / 60, 0], [10 / 90, 30 / 40]]
    assert found.matched.tolist() == [[True, False], [False, False]]
    assert found.overlapping.tolist() == [[True, False], [False, True]]
    assert (found.unfound.tolist(), found.untrue.tolist()) == ([False, True], [False, True])


def test_half_is_no_match():
    found = matching((canvas(_1=(0, 10)), {1: CAT}), (canvas(_1=(0, 5)), {1: CAT}))
    assert found.iou.tolist() == [[0.5]]
    assert not found.matched.any()


@pytest.mark.parametrize(("rows", "ignored"), [(5, False), (6, True)])
def test_what_lies_mostly_in_void_is_no_error(rows, ignored):
    found = matching((canvas(_1=(rows, 10)), {1: SKY}), (canvas(_1=(0, 10)), {1: CAT}))
    assert found.ignored.tolist() == [ignored]
    assert found.untrue.tolist() == [not ignored]


@pytest.mark.parametrize(("label", "ignored"), [(CAT, True), (DOG, False)])
def test_a_crowd_excuses_its_own_class_and_has_no_partner(label, ignored):
    found = matching((canvas(_1=(0, 10)), {1: CAT}), (canvas(_1=(0, 10)), {1: label}), crowds={1})
    assert found.ignored.tolist() == [ignored]
    assert not found.overlapping.any()
    assert not found.unfound.any()


def test_nothing():
    for truth, found in (({}, {}), ({1: CAT}, {}), ({}, {1: CAT})):
        ids = canvas(_1=(0, 10))
        empty = matching((ids if truth else canvas(), truth), (ids if found else canvas(), found))
        assert empty.iou.shape == (len(truth), len(found))
        assert empty.unfound.sum() == len(truth)
        assert not empty.untrue.any()  # all of it lies in void


def test_ids_and_scores():
    """Ids are any of 24 bits."""
    segments = listed({2**24 - 1: CAT, 5: SKY}, scores={5: 0.25})
    assert np.isnan(segments.scores).tolist() == [True, False]
    ids = np.array([[0, 5, 2**24 - 1]], np.int32)
    assert segments.indices(ids).tolist() == [[0, 2, 1]]
