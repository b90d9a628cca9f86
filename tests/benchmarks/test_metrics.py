import json
import sys

import pytest

from benchmarks.metrics import KINDS, average_precision, bench_metrics, write_instances
from modelscope_swinpan.errors import ConfigError


def test_both_are_measured():
    found = bench_metrics(3, runs=1)
    assert (found["images"], found["instances"]) == (3, 300)
    for side in ("ours", "pycocotools"):
        assert found[side]["seconds"] > 0
        assert found[side]["peak_bytes"] > 0
    assert found["time_ratio"] == pytest.approx(found["ours"]["seconds"] / found["pycocotools"]["seconds"], abs=0.05)


def test_predictions_are_neither_right_nor_wrong(tmp_path):
    """Else the comparison would be of an easy case."""
    write_instances(tmp_path, 5)
    assert len(json.loads((tmp_path / "truth.json").read_text())["annotations"]) == 35
    for kind in KINDS:
        assert 10 < average_precision(tmp_path, kind).ap < 95


def test_without_pycocotools(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(ConfigError, match="pip install pycocotools"):
        bench_metrics(1, runs=1)
