from benchmarks.int8 import bench_int8
from modelscope_swinpan import save_pretrained
from tests.builders import random_model


def test_int8_answers_nearly_the_same(tmp_path):
    save_pretrained(random_model(), tmp_path)
    found = bench_int8(tmp_path, runs=2)
    assert len(found["seconds_all"]) == 2
    assert found["ratio"] > 0
    assert 0 < found["difference"]["class_logits"] < 0.3
    assert 0 < found["difference"]["mask_logits"] < 0.3
