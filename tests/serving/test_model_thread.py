"""One thread for the model, and batches of what waits."""

import threading

import pytest

from modelscope_swinpan.serving.model_thread import ModelThread

from .calls import ask, call


class Recorder:
    """In the place of a segmenter: what it was asked together, and by which threads."""

    def __init__(self, batch_size):
        self.predictor = type("", (), {"batch_size": batch_size})
        self.batches, self.threads = [], set()
        self.begun = threading.Event()

    def __call__(self, calls):
        if calls:
            self.batches.append([one.name for one in calls])
        self.threads.add(threading.current_thread().name)
        if len(self.batches) == 1:
            self.begun.wait(0.5)  # the others arrive meanwhile
        return [one.name.encode() for one in calls]


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, {1}), (3, {3, 1})])
def test_calls_that_wait_share_a_batch(batch_size, sizes):
    segmenter = Recorder(batch_size)
    answers = ask(ModelThread(segmenter), [call(n) for n in range(7)])
    assert answers == [b"%d.png" % n for n in range(7)]
    assert [name for batch in segmenter.batches for name in batch] == [f"{n}.png" for n in range(7)]
    assert max(map(len, segmenter.batches)) == max(sizes)
    assert len(segmenter.threads) == 1


def test_an_error_reaches_whoever_asked():
    class Broken(Recorder):
        def __call__(self, calls):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        ask(ModelThread(Broken(1)), [call(1)])
