import json
import time

import numpy as np

from modelscope_swinpan import load_model
from modelscope_swinpan.benchmark import bench_load, bench_postprocess, measure, write_random_model
from tests.builders import SMALL


def test_load(embedded):
    found = bench_load(embedded, runs=1)
    assert found["weights_bytes"] == (embedded / "pytorch_model.pt").stat().st_size
    for name in ("load_model", "load_native", "load_and_read", "torch_load", "pipeline"):
        assert found[name]["seconds"] > 0
        assert found[name]["peak_over_size"] > 0


def test_measure_sees_a_peak_that_is_gone_at_the_end():
    size = 256 * 2**20

    def work():
        np.ones(size, np.uint8)
        time.sleep(0.2)

    found = json.loads(measure(work))
    assert found["seconds"] >= 0.2
    assert 0.9 * size < found["peak_bytes"] < 1.5 * size


def test_postprocess():
    found = bench_postprocess(320, 240, 7, runs=2)
    assert len(found["seconds_all"]) == 2
    assert found["peak_bytes"] > 0


def test_random_model_is_a_model_directory(tmp_path):
    assert load_model(write_random_model(tmp_path, SMALL)).config == SMALL
