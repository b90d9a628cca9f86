from modelscope_swinpan.benchmark.loading import bench_load


def test_load(embedded):
    found = bench_load(embedded, runs=1)
    assert found["weights_bytes"] == (embedded / "pytorch_model.pt").stat().st_size
    for name in ("load_model", "load_native", "load_and_read", "torch_load", "pipeline"):
        assert found[name]["seconds"] > 0
        assert found[name]["peak_over_size"] > 0
