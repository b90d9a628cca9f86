from modelscope_swinpan.benchmark.fusion import bench_postprocess


def test_postprocess():
    found = bench_postprocess(320, 240, 7, runs=2)
    assert len(found["seconds_all"]) == 2
    assert found["peak_bytes"] > 0
