import numpy as np
import pytest

from modelscope_swinpan.evaluation.counts import count
from modelscope_swinpan.evaluation.groups import NUMBERS, SIZES, Groups
from modelscope_swinpan.evaluation.matching import match

from .maps import CAT, SKY, canvas, listed, matching


def test_by_size():
    """The sky is found, of 32² pixels and so of medium size; a small cat is missed."""
    ids = np.zeros((64, 32), np.int32)
    ids[:32] = 1
    ids[63] = 2
    found = np.where(ids == 1, 1, 0).astype(np.int32)
    one = match(ids, listed({1: SKY, 2: CAT}), found, listed({1: SKY}))
    groups = Groups(3)
    groups.add(one)
    small, medium, *others = groups.by_size()
    assert (small["pq"], small["unmatched_true"], small["matches"]) == (0, 1, 0)
    assert (medium["pq"], medium["unmatched_true"], medium["matches"]) == (100, 0, 1)
    assert [group["pq"] for group in others] == [None, None]
    assert [group["group"] for group in groups.by_size()] == list(SIZES)


@pytest.mark.parametrize(("number", "group"), [(0, 0), (4, 0), (5, 1), (9, 2), (10, 2)])
def test_by_number(number, group):
    groups = Groups(3)
    ids = canvas(**{f"_{row + 1}": (row, row + 1) for row in range(number)})
    one = matching((ids, dict.fromkeys(range(1, number + 1), CAT)), (canvas(_1=(0, 1)), {1: CAT}))
    groups.add(one)
    assert [found["photos"] for found in groups.by_number()] == [int(index == group) for index in range(len(NUMBERS))]
    assert groups.by_number()[group]["matches"] == min(number, 1)


def test_groups_add_up():
    rng = np.random.default_rng(1)
    groups, total = Groups(2), np.zeros((2, 4))
    for _ in range(5):
        true, found = (rng.integers(0, 9, (8, 8)).repeat(16, 0).repeat(16, 1).astype(np.int32) for _ in range(2))
        labels = {id_: int(rng.integers(0, 2)) for id_ in range(1, 9)}
        one = match(true, listed(labels), found, listed(labels))
        groups.add(one)
        total += count(one, 2)
    for parts in (groups.by_size(), groups.by_number()):
        assert sum(part["matches"] for part in parts) == total[:, 0].sum()
        assert sum(part["unmatched_true"] for part in parts) == total[:, 2].sum()
