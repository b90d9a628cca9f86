import threading
import time

import pytest

from modelscope_swinpan.inference.prefetch import map_ahead


def test_results_are_in_order():
    def slow_first(number):
        time.sleep(0.05 if number == 0 else 0)
        return number**2

    assert list(map_ahead(slow_first, range(9), threads=3)) == [number**2 for number in range(9)]


def test_works_while_the_caller_is_busy():
    begun = threading.Event()
    results = map_ahead(lambda number: number and begun.set(), range(3))
    next(results)
    assert begun.wait(10)


def test_looks_ahead_no_further():
    drawn = []
    results = map_ahead(str, (drawn.append(number) or number for number in range(99)), ahead=3)
    assert next(results) == "0"
    assert drawn == [0, 1, 2, 3]


def test_an_error_ends_it():
    done = []

    def work(number):
        if number == 1:
            raise ValueError("one")
        time.sleep(0.01)
        done.append(number)

    with pytest.raises(ValueError, match="one"):
        list(map_ahead(work, range(1000)))
    assert len(done) < 10
