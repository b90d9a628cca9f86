from benchmarks.postprocess import bench_postprocess


def test_postprocess():
    found = bench_postprocess(320, 240, 7, runs=2)
    assert len(found["seconds_all"]) == 2
    assert found["peak_bytes"] > 0


def test_memory_does_not_grow_with_the_queries():
    """Fewer pixels do not show it: the heap grows when what is kept of each band pins the memory of the band."""
    assert bench_postprocess(4000, 3000, 80, runs=1)["peak_bytes"] < 2**29
