"""Contests with several thresholds: the maps that they tell, against the fusion with each of these thresholds."""

import dataclasses

import numpy as np
import pytest

from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference.contests import Contender, Contest, Contests, regions
from modelscope_swinpan.inference.fusion import contests, panoptic, survives

from .test_fusion import CATEGORIES, VOID, case

THRESHOLDS = (0.2, 0.5, 0.8, 0.99)


def told(contest, overlap):
    """The map that a contest leaves: a number for each thing, the label of stuff below 0."""
    numbers = {
        one.query: one.query + 1 if one.category.isthing else -1 - CATEGORIES.index(one.category)
        for one in contest.queries
        if survives(one.won_area, one.mask_area, overlap)
    }
    return np.vectorize(lambda winner: numbers.get(winner, 0))(contest.winners)


@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_every_map_is_the_fusions(seed, filtered):
    class_logits, mask_logits, resized, original = case(seed)
    what = {"resized": resized, "original": original, "categories": CATEGORIES}
    config = PostprocessConfig(filter_low_score=filtered)
    found = contests(class_logits, mask_logits, **what, config=config, thresholds=THRESHOLDS)
    assert tuple(found.by_threshold) == THRESHOLDS
    for threshold, contest in found.by_threshold.items():
        for overlap in (0.0, 0.5, 0.9):
            own = dataclasses.replace(config, object_mask_threshold=threshold, overlap_threshold=overlap)
            expected = panoptic(class_logits, mask_logits, **what, config=own).panoptic_seg
            mine = told(contest, overlap)
            pairs = np.unique(np.stack([expected.ravel(), mine.ravel()]), axis=1)
            assert len(pairs[0]) == len(set(pairs[0].tolist())) == len(set(pairs[1].tolist()))  # one to one
            assert dict(pairs.T.tolist()).get(VOID, 0) == 0


def contest(winners):
    return Contest(winners=np.array(winners, np.int32), queries=())


def test_equal_contests_are_one():
    first, second = contest([[0]]), contest([[1]])
    found = Contests(config=PostprocessConfig(), by_threshold={0.1: first, 0.2: first, 0.3: second})
    assert found.distinct() == [first, second]


@pytest.mark.parametrize("queries", [3, 10**6])
def test_regions(queries):
    """Of few queries and of so many that no table could hold all pairs."""
    rng = np.random.default_rng(0)
    few = np.array([-1, 0, queries - 1])
    maps = [few[rng.integers(0, 3, (7, 9))].astype(np.int32) for _ in range(3)]
    made = [
        dataclasses.replace(contest(one), queries=tuple(_contender(int(query)) for query in few[1:])) for one in maps
    ]
    found, winners = regions(made)
    assert winners[0].tolist() == [-1, -1, -1]
    for number, one in enumerate(maps):
        assert np.array_equal(winners[found, number], one)
    assert len({tuple(row) for row in winners.tolist()}) == len(winners)


def test_nobody_anywhere():
    found, winners = regions([contest([[-1, -1]])])
    assert (found.tolist(), winners.tolist()) == ([[0, 0]], [[-1]])


def _contender(query):
    return Contender(query, CATEGORIES[0], 1, 1)
