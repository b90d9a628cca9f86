from modelscope_swinpan.benchmark.throughput import bench_throughput


def test_throughput(directory):
    found = bench_throughput(directory, "cpu", "float32", [1, 2], images=3, compiled=False, workers=[1, 2])
    assert [one["batch_size"] for one in found["results"]] == [1, 2]
    assert all(one["images_per_second"] > 0 and one["images_per_second_in_turn"] > 0 for one in found["results"])
    assert [one["workers"] for one in found["runs"]] == [1, 2]
    assert all(one["images_per_second"] > 0 for one in found["runs"])
