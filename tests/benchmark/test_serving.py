from pathlib import Path

import pytest

from modelscope_swinpan.benchmark import serving
from modelscope_swinpan.benchmark.serving import bench_serve, running_server
from modelscope_swinpan.errors import ConfigError


def test_serve(directory, monkeypatch):
    monkeypatch.setattr(serving, "MEMORY_EVERY", 2)

    found = bench_serve(directory, [1, 3], requests_each=4, mask_format="png")

    assert found["request_bytes"] > 10_000
    assert [one["clients"] for one in found["results"]] == [1, 3]
    for one in found["results"]:
        assert 0 < one["latency_median"] <= one["latency_95_percent"]
        assert 0 < one["requests_per_second"] < one["clients"] / one["latency_median"] * 2
        assert one["requests"] == 4
        if Path("/proc").exists():
            assert len(one["resident_bytes"]) == 2
            assert all(50e6 < value < 20e9 for value in [found["resident_bytes"], *one["resident_bytes"]])


def test_a_server_that_does_not_start_says_why(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"did not start\. .* It printed: .*No module named 'encodings'"),
        running_server(str(serving.EMBEDDED), tmp_path / "log", {"PYTHONHOME": str(tmp_path)}),
    ):
        pass
