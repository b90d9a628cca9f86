"""Matching."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.training.matcher import class_costs, dice_costs, mask_costs, match


@given(st.integers(1, 5), st.integers(0, 5), st.integers(0, 999))
def test_no_assignment_is_cheaper(queries, segments, seed):
    costs = torch.randn(queries, segments, generator=torch.Generator().manual_seed(seed))
    rows, columns = match(costs)
    count = min(queries, segments)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == len(set(columns.tolist())) == count
    best = min(
        sum(float(costs[q, s]) for q, s in zip(chosen, order, strict=True))
        for chosen in itertools.combinations(range(queries), count)
        for order in itertools.permutations(range(segments), count)
    )
    assert float(costs[rows, columns].sum()) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_cost_that_is_no_number_is_the_last_choice(bad):
    rows, columns = match(torch.tensor([[bad, 5.0], [1.0, bad], [bad, bad]]))
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])
    assert len(match(torch.full((3, 2), bad))[0]) == 2


def test_costs_are_the_losses_of_pairs():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 50, generator=generator)
    masks = torch.rand(2, 50, generator=generator)
    mask_cost, dice_cost = mask_costs(logits, masks), dice_costs(logits, masks)
    for query, segment in itertools.product(range(4), range(2)):
        x, y = logits[query], masks[segment]
        assert mask_cost[query, segment] == pytest.approx(float(F.binary_cross_entropy_with_logits(x, y)), abs=1e-5)
        dice = 1 - (2 * (x.sigmoid() * y).sum() + 1) / (x.sigmoid().sum() + y.sum() + 1)
        assert dice_cost[query, segment] == pytest.approx(float(dice), abs=1e-5)
    classes = torch.tensor([[1.0, 2.0, 3.0]])
    assert torch.equal(class_costs(classes, torch.tensor([2, 0])), -classes.softmax(-1)[:, [2, 0]])
