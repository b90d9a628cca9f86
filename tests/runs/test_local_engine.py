import json
import threading

import numpy as np
import pytest

from modelscope_swinpan.errors import DeviceError, ImageError
from modelscope_swinpan.inference import streaming
from modelscope_swinpan.runs.formats import CocoPanopticSink, LinesSink
from modelscope_swinpan.runs.inputs import Item
from modelscope_swinpan.runs.local_engine import LocalEngine
from tests.runs.fakes import BrightPredictor, pixels


def items(count):
    return (Item(index, index + 1, f"{index}.png", index, str(index)) for index in range(count))


def read(source):
    if source % 5 == 3:
        raise ImageError(f"{source}: damaged")
    return pixels(source % 200)[..., ::-1]  # arrays are BGR


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_record_for_every_image_in_order(batch_size):
    records = list(LocalEngine(BrightPredictor(batch_size=batch_size))(items(23), sinks=[LinesSink()], read=read))
    assert [record.index for record in records] == list(range(23))
    for record in records:
        line = json.loads(record.line)
        if record.index % 5 == 3:
            assert record.failed
            assert line["error"]["error"] == f"{record.index}: damaged"
        else:
            scores = [segment["score"] for segment in line["rle"]["segments_info"]]
            assert scores == [round(record.index / 256, 6)] * (record.index % 8 > 0)


def test_an_image_that_the_model_cannot_take():
    """It is read, but too narrow to be resized."""
    (record,) = LocalEngine(BrightPredictor())(
        items(1), sinks=[CocoPanopticSink()], read=lambda _: np.zeros((4000, 2, 3), np.uint8)
    )
    assert record.failed
    assert "too narrow" in json.loads(record.line)["error"]["error"]


def test_reads_in_other_threads():
    threads = set()

    def noted(source):
        threads.add(threading.current_thread().name)
        return read(0)

    list(LocalEngine(BrightPredictor())(items(5), sinks=[CocoPanopticSink()], read=noted))
    assert all(name.startswith("swinpan-decode") for name in threads)


def test_takes_no_more_than_it_needs():
    taken = 0

    def counted():
        nonlocal taken
        for item in items(600):
            taken += 1
            yield item

    most = 0
    for done, _ in enumerate(
        LocalEngine(BrightPredictor(batch_size=2))(counted(), sinks=[CocoPanopticSink()], read=read)
    ):
        most = max(most, taken - done)
    assert done == 599
    assert most <= (2 * streaming.AHEAD + streaming.PREPARED + 1) * 2 + 3


def test_what_is_no_images_fault_ends_it():
    class Full(BrightPredictor):
        def answer(self, batch):
            raise DeviceError("out of memory")

    with pytest.raises(DeviceError, match="out of memory"):
        list(LocalEngine(Full())(items(3), sinks=[CocoPanopticSink()], read=read))
