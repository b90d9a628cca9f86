from benchmarks.load import bench_load


def test_load(tiny):
    found = bench_load(tiny, runs=1)
    assert found["weights_bytes"] == (tiny / "pytorch_model.pt").stat().st_size
    for name in ("load_model", "load_native", "load_and_read", "torch_load", "pipeline"):
        assert found[name]["seconds"] > 0
        assert found[name]["peak_over_size"] > 0
