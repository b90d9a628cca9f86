from types import SimpleNamespace

import pytest
import torch

from modelscope_swinpan.benchmark import throughput
from modelscope_swinpan.benchmark.throughput import bench_throughput
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.network import PanopticPredictor


def test_throughput(directory):
    found = bench_throughput(directory, "cpu", "float32", [1, 2], images=3, compiled=False, workers=[1, 2])
    assert [one["batch_size"] for one in found["results"]] == [1, 2]
    assert all(one["images_per_second"] > 0 and one["images_per_second_in_turn"] > 0 for one in found["results"])
    assert [one["workers"] for one in found["runs"]] == [1, 2]
    assert all(one["images_per_second"] > 0 for one in found["runs"])


def test_every_size_of_a_batch_is_warm_before_the_clock_runs(directory, monkeypatch):
    sizes, predict = [], PanopticPredictor.predict
    monkeypatch.setattr(
        PanopticPredictor, "predict", lambda self, images: (sizes.append(len(images)), predict(self, images))[1]
    )
    bench_throughput(directory, "cpu", "float32", [2], images=3, compiled=False)
    assert sorted(sizes[:2]) == [1, 2]


def test_several_workers_are_for_cpus(directory, monkeypatch):
    weight = SimpleNamespace(device=torch.device("cuda", 0))
    monkeypatch.setattr(throughput, "load_model", lambda *_, **__: SimpleNamespace(parameters=lambda: iter([weight])))
    with pytest.raises(ConfigError, match="--workers 2 is for CPUs; cuda has one process"):
        bench_throughput(directory, "cuda", "float32", [1], images=1, compiled=False, workers=[1, 2])
