import pytest
import torch

from benchmarks import roofline
from modelscope_swinpan.models.backbones.swin import swin_large
from tests.builders import SMALL


def test_the_full_size_model_has_the_published_arithmetic():
    """868 G multiply-adds at 1024 × 1024 or so (arXiv 2112.01527): within what the input's size makes of it."""
    operations = roofline.count_operations(swin_large())
    assert 1.2e12 < sum(operations.values()) < 2.2e12
    assert operations["backbone"] > 0.7 * sum(operations.values())


def test_roofline(directory, monkeypatch):
    monkeypatch.setattr(roofline, "PRODUCTS", ((256, 256, 256), (600, 64, 32)))
    found = roofline.bench_roofline(directory, "cpu", "float32", runs=1)
    assert found["threads"] == torch.get_num_threads()
    assert found["operations"]["all"] == sum(roofline.count_operations(SMALL).values())
    best = max(found["rate"], found["rate_of_linear"])
    assert found["seconds_at_best"] == pytest.approx(found["operations"]["all"] / best, abs=1e-3)
