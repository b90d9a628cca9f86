import threading

import numpy as np
import pytest

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.errors import ConfigError, ImageError
from modelscope_swinpan.inference import streaming
from modelscope_swinpan.inference.streaming import stream
from tests.builders import random_image

SHAPES = [(64, 96), (96, 64), (64, 64), (40, 300)]


class Recorder:
    """A predictor that notes its batches and answers each image with its first pixel."""

    def __init__(self, predictor, batch_size):
        self.group, self.batch_size = predictor.group, batch_size
        self.batches = []

    def prepare(self, images):
        return images

    def answer(self, images):
        self.batches.append(len(images))
        return [int(image[0, 0, 0]) for image in images]


@pytest.fixture(scope="module")
def predictor(quick_model):
    return PanopticPredictor(quick_model, batch_size=2)


def image(number, shape):
    return np.full((*shape, 3), number % 251, np.uint8)


def test_streams_what_single_images_give(predictor, chelsea):
    images = [chelsea, "missing.jpg", chelsea[:200, :200].copy(), chelsea[:, ::-1].copy(), random_image(90, 300)]
    found = list(stream(predictor, iter(images)))
    assert isinstance(found[1], ImageError)
    for answer, one in zip(found, images, strict=True):
        if not isinstance(one, str):
            expected = predictor.predict([one[..., ::-1]], batch_size=1)[0]  # arrays are BGR
            assert [s.label for s in answer.segments] == [s.label for s in expected.segments]
            assert (answer.panoptic_seg == expected.panoptic_seg).mean() >= 0.9999


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_order_and_batches(predictor, batch_size, count):
    recorder = Recorder(predictor, batch_size)
    rng = np.random.default_rng(0)
    images = [image(n, SHAPES[rng.integers(4)]) for n in range(count)]
    assert list(stream(recorder, images)) == list(range(count))
    assert max(recorder.batches, default=0) <= batch_size
    if count == 50:
        assert len(recorder.batches) < count / batch_size * 2  # most batches are full


def test_memory_is_bounded_though_one_size_is_rare(predictor, monkeypatch):
    """However long the stream, only so many images are taken before their results are given out."""
    recorder, taken = Recorder(predictor, 2), 0

    def images():
        nonlocal taken
        for number in range(3000):
            taken += 1
            yield image(number, (64, 64) if number % 500 == 3 else (64, 96))

    most = 0
    for given, answer in enumerate(stream(recorder, images())):
        assert answer == given % 251
        most = max(most, taken - given)
    assert given == 2999
    assert most <= (2 * streaming.AHEAD + streaming.PREPARED + 1) * 2


def test_decodes_while_the_model_works(predictor):
    """The second image is decoded before the first is answered."""
    second = threading.Event()

    def decode(number):
        if number == 1:
            second.set()
        return image(number, (64, 96))

    class Waiting(Recorder):
        def answer(self, images):
            assert second.wait(10)
            return super().answer(images)

    assert list(stream(Waiting(predictor, 1), range(5), decode=decode)) == list(range(5))


@pytest.mark.parametrize("one", ["photo.png", b"", {"image": "photo.png"}, np.zeros((64, 96, 3), np.uint8)])
def test_one_image_is_no_stream(predictor, one):
    with pytest.raises(ConfigError, match="put a single one into a list"):
        stream(predictor, one)


def test_other_errors_are_raised(predictor):
    class Broken(Recorder):
        def answer(self, images):
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        list(stream(Broken(predictor, 1), [image(0, (64, 96))]))
