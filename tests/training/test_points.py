"""Points on masks."""

import pytest
import torch

from modelscope_swinpan.training.points import random_points, sample_at, uncertain_points


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_samples_are_bilinear():
    maps = torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[4.0, 4.0], [4.0, 4.0]]])
    points = torch.tensor(
        [[[0.25, 0.25], [0.5, 0.5], [0.75, 0.25]]]
    )  # the first pixel's centre, the middle, the second
    expected = torch.tensor([[0.0, 1.5, 1.0], [4.0, 4.0, 4.0]])
    assert torch.allclose(sample_at(maps, points), expected)
    assert torch.allclose(sample_at(maps, points.expand(2, -1, -1)), expected)


def test_the_same_points_for_all_and_for_each_are_alike():
    maps, points = torch.randn(5, 7, 9), random_points(1, 20, seeded())
    assert torch.allclose(sample_at(maps, points), sample_at(maps, points.expand(5, -1, -1)), atol=1e-6)


def test_no_maps_have_no_samples():
    assert sample_at(torch.zeros(0, 4, 4), torch.zeros(0, 3, 2)).shape == (0, 3)
    assert sample_at(torch.zeros(0, 4, 4), torch.zeros(1, 3, 2)).shape == (0, 3)


@pytest.mark.parametrize(("importance", "near"), [(0.0, 0.2), (0.75, 0.75), (1.0, 1.0)])
def test_points_gather_where_a_mask_is_undecided(importance, near):
    logits = (torch.arange(100.0) - 50).expand(1, 10, 100)  # 0 in the middle
    points = uncertain_points(logits, 400, oversample=10, importance=importance, generator=seeded())
    assert points.shape == (1, 400, 2)
    assert ((points[..., 0] - 0.5).abs() < 0.1).float().mean() == pytest.approx(near, abs=0.1)


def test_a_seed_draws_the_same_points():
    logits = torch.randn(3, 8, 8)
    options = {"oversample": 3.0, "importance": 0.75}
    first, same, other = (uncertain_points(logits, 16, **options, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
