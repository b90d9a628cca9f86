import numpy as np
import pytest
import torch

from modelscope_swinpan.inference import regions
from modelscope_swinpan.inference.regions import Regions, counts, extent
from modelscope_swinpan.structures import Size
from tests.inference.test_fusion import CATEGORIES


@pytest.mark.parametrize("gpu", [False, True])
def test_counts(gpu, monkeypatch):
    """The way of a GPU counts on a CPU as well."""
    monkeypatch.setattr(regions, "on_cuda", lambda device: gpu)
    index = torch.tensor([3, 0, 3, 1, 3])
    assert counts(index, 5).tolist() == [1, 1, 0, 3, 0]
    assert counts(index, 5, torch.tensor([0.5, 1, 2, 4, 8], dtype=torch.float64)).tolist() == [1, 4, 0, 10.5, 0]


def test_candidates_may_share_an_id_or_have_none():
    """Two candidates of stuff, one thing, and one that is dropped."""
    found = Regions(4, Size(4, 6), torch.device("cpu"))
    best = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 4], [2, 2, 3, 3, 3, 3], [2, 2, 3, 3, 3, 3]])
    for row in range(4):
        found.add(slice(row, row + 1), best[row : row + 1], torch.full((1, 6), 0.5 + row / 8))
    result = found.result([3, 3, 1001, len(CATEGORIES)], [3, 3, 1, 0], torch.tensor([1.0, 0.5, 0.8, 0.9]), CATEGORIES)
    thing, stuff = result.segments
    assert (thing.id, thing.label_id, thing.isthing, thing.area, thing.box) == (1001, 1, True, 4, (0, 2, 2, 4))
    assert thing.score == pytest.approx(0.8 * (0.75 + 0.875) / 2, abs=1e-6)
    assert (stuff.id, stuff.isthing, stuff.area, stuff.box) == (3, False, 11, (0, 0, 6, 2))
    assert stuff.score == pytest.approx((3 * 0.5 + 3 * 0.625 + 0.5 * (3 * 0.5 + 2 * 0.625)) / 11, abs=1e-6)
    assert np.array_equal(result.panoptic_seg, np.array([3, 3, 1001, 5, 5])[best])


@pytest.mark.parametrize("number", [32_767, 32_768, 40_000])
def test_many_candidates(number):
    """More than 16 bits count."""
    found = Regions(number, Size(1, 3), torch.device("cpu"))
    found.add(slice(0, 1), torch.tensor([[0, number - 1, number]]), torch.ones(1, 3))
    ids = [1000 * candidate for candidate in range(1, number + 1)]
    result = found.result(ids, [0] * number, torch.ones(number), CATEGORIES)
    assert result.panoptic_seg.tolist() == [[1000, 1000 * number, len(CATEGORIES)]]
    assert [segment.box for segment in result.segments] == [(1, 0, 2, 1), (0, 0, 1, 1)]


def test_extent():
    assert extent(np.array([0, 2, 0, 1, 0]), np.array([7, 0])) == (1, 0, 4, 1)
    assert extent(np.zeros(3), np.zeros(2)) == (0, 0, 0, 0)
