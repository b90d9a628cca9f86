import pytest

from benchmarks.precision import bench_precision
from tests.conftest import CHELSEA


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reduced_precision_says_the_same(tiny, dtype):
    """PQ against float32 as the truth, of a trained model on a photo that it knows."""
    found = bench_precision(tiny, [CHELSEA], dtype=dtype)
    assert found["images"] == 1
    assert found["segments"] >= 5
    assert found["quality"]["pq"] >= 98
    assert found["pixels_of_one_id"] > 0.98


def test_scenes_and_a_model_that_is_itself(tiny):
    found = bench_precision(tiny, scenes=2, dtype="float32")
    assert found["images"] == 2
    assert found["pixels_of_one_id"] == 1
    assert found["quality"] is None or found["quality"]["pq"] == 100
