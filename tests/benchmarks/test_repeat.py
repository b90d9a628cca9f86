import os

from benchmarks.repeat import repeat


def process_number(offset):
    return {"seconds": float(os.getpid() + offset), "peak_bytes": os.getpid()}


def test_every_repetition_has_a_process_of_its_own():
    found = repeat(2, process_number, 1)
    first, second = found["seconds_all"]
    assert first != second
    assert os.getpid() + 1 not in (first, second)
    assert found["seconds"] == (first + second) / 2
    assert found["peak_bytes"] == max(first, second) - 1
