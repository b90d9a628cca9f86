"""From requests to answers, without anything that receives them."""

import gc
import io
import json
import pickle
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.errors import CheckpointError, ConfigError, DeviceError, ImageError
from modelscope_swinpan.inference.regions import make_segment
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.serving import segmenter as module
from modelscope_swinpan.serving.answers import answer
from modelscope_swinpan.serving.segmenter import Call, Segmenter, UnexpectedError, as_json
from tests.runs.fakes import BrightPredictor, bright, pixels

from .calls import call


class Telling(BrightPredictor):
    """Remembers which images shared a batch; fails where ``fails`` says so."""

    def __init__(self, fails=lambda batch: None):
        super().__init__(batch_size=8)
        self.batches, self.fails = [], fails

    def answer(self, batch):
        self.batches.append([int(image[0, 0, 0]) for image in batch])
        if error := self.fails(batch):
            raise error
        return super().answer(batch)


def large(number, **parameters):
    """A request about a picture of another padded size."""
    file = io.BytesIO()
    Image.fromarray(np.full((60, 20, 3), number, np.uint8)).save(file, "PNG")
    return Call(file.getvalue(), "upright.png", {"mask_format": "rle", **parameters})


def test_images_of_one_size_and_thresholds_share_a_batch():
    predictor = Telling()
    calls = [call(1), large(2), call(3), call(4, object_mask_threshold=0.1), large(5), call(6, scores="virtual")]
    answers = [json.loads(answer) for answer in Segmenter(predictor)(calls)]
    assert predictor.batches == [[1, 3, 6], [2, 5], [4]]
    for number in (1, 3):
        result = bright(pixels(number))
        assert answers[[1, 0, 3].index(number) if number == 1 else 2] == json.loads(
            as_json(answer(result, scores="real", mask_format="rle"))
        )
    assert answers[5]["scores"] == [0.999]


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (Call(b"", "input.image", {}), ImageError, r"input\.image: empty"),
        (Call(b"\0\0\0", "input.image", {}), ImageError, "not an image in a known format"),
        (call(1, mask_format="jpeg"), ConfigError, "mask_format must be one of"),
        (call(1, scores=1), ConfigError, "scores must be one of"),
        (call(1, overlap_threshold=2), ConfigError, "overlap_threshold must lie between 0 and 1"),
    ],
)
def test_a_bad_request_leaves_its_neighbours_alone(bad, kind, message):
    good, found, also_good = Segmenter(BrightPredictor())([call(1), bad, call(2)])
    with pytest.raises(kind, match=message):
        raise found
    assert json.loads(good)["labels"] == json.loads(also_good)["labels"] == ["cat"]
    assert isinstance(pickle.loads(pickle.dumps(found)), kind)


def test_where_a_batch_fails_its_images_are_tried_alone(caplog):
    """Memory that suffices for one; a mistake that only one has, and whose details stay in the log."""

    def fails(batch):
        if len(batch) > 1:
            return DeviceError("cuda ran out of memory")
        return RuntimeError("the secret is 1234") if batch[0][0, 0, 0] == 2 else None

    predictor = Telling(fails)
    answers = Segmenter(predictor)([call(1), call(2), call(3)])
    assert predictor.batches == [[1, 2, 3], [1], [2], [3]]
    assert [json.loads(answers[place])["labels"] for place in (0, 2)] == [["cat"], ["cat"]]
    assert isinstance(answers[1], UnexpectedError)
    assert str(answers[1]) == "The server failed; its log says why."
    assert "the secret is 1234" in caplog.text


def test_a_damaged_model_is_no_mistake_of_the_client(caplog):
    predictor = Telling(lambda batch: CheckpointError("/home/somebody/model.onnx is damaged"))
    (found,) = Segmenter(predictor)([call(1)])
    assert isinstance(found, UnexpectedError)
    assert "somebody" not in str(found)
    assert "/home/somebody/model.onnx is damaged" in caplog.text


def test_masks_of_large_images_are_not_listed(monkeypatch):
    segmenter = Segmenter(BrightPredictor())
    monkeypatch.setattr(module, "MAX_LISTED_PIXELS", 6 * 8)
    listed = call(1, mask_format="list")
    assert isinstance(segmenter([listed])[0], bytes)
    monkeypatch.setattr(module, "MAX_LISTED_PIXELS", 6 * 8 - 1)
    for one in (listed, Call(listed.content, "1.png", {})):
        assert "Ask for mask_format 'rle' or 'png'" in str(segmenter([one])[0])
    assert isinstance(segmenter([call(1)])[0], bytes)


def test_many_masks_are_not_listed(monkeypatch):
    listed = call(1, mask_format="list")  # one mask and the ids
    monkeypatch.setattr(module, "MAX_LISTED", 2 * 48)
    assert isinstance(Segmenter(BrightPredictor())([listed])[0], bytes)
    monkeypatch.setattr(module, "MAX_LISTED", 2 * 48 - 1)
    (refused,) = Segmenter(BrightPredictor())([listed])
    assert "at most 9.5e-05 are answered as lists. Ask for mask_format 'rle' or 'png'" in str(refused)


def test_masks_that_are_refused_are_not_made(monkeypatch):
    monkeypatch.setattr(module, "MAX_LISTED", 10**6)
    side = 1000
    ids = np.repeat(np.arange(100, dtype=np.int32), side * side // 100).reshape(side, side)
    segments = tuple(make_segment(number, 0, COCO_PANOPTIC, 10, (0, 0, 1, 1), 0.5) for number in range(100))
    result = PanopticResult(ids, segments, void_id=133)

    class Many(BrightPredictor):
        def answer(self, batch):
            return [result] * len(batch)

    gc.disable()  # what is refused must go at once
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        refused = Segmenter(Many())([call(1, mask_format="list")])
        assert "at most 1 are answered" in str(refused[0])
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert peak - before < 4 * side * side
    assert after - before < 10**5
    assert refused[0].__traceback__ is None


def test_arrays_are_written_one_after_the_other():
    """Together, as Python's numbers, they would take 24 bytes a pixel."""
    ids = np.ones((100, 100), np.int32)
    tracemalloc.start()
    try:
        content = as_json({"masks": [ids] * 10, "panoptic_seg": ids})
        assert tracemalloc.get_traced_memory()[1] < 5 * len(content)
    finally:
        tracemalloc.stop()
    assert json.loads(content) == {"masks": [ids.tolist()] * 10, "panoptic_seg": ids.tolist()}
