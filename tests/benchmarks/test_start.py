from benchmarks.start import bench_start


def test_start(directory):
    found = bench_start(directory, None, "float32", runs=1)
    for name in ("ours", "pipeline", "transformers"):
        assert found[name]["seconds"] > 0.1
    assert found["ours"]["ratio"] == round(found["ours"]["seconds"] / found["transformers"]["seconds"], 3)
