"""What several sinks keep of one image."""

import json

import numpy as np

from modelscope_swinpan.runs.formats import CocoPanopticSink, LinesSink, OverlaysSink
from modelscope_swinpan.runs.inputs import Item
from modelscope_swinpan.runs.sinks import VirtualScores, failure, record
from tests.runs.fakes import bright, pixels

ITEM = Item(41, 42, "some/cat.jpg", "/x/some/cat.jpg", "cat", (12, 34, 56))
PICTURE = pixels(67)


def test_a_record():
    sinks = [CocoPanopticSink(), OverlaysSink(), LinesSink()]
    found = record(ITEM, bright(PICTURE), PICTURE, sinks)
    assert (found.index, found.failed) == (41, False)
    assert list(found.files) == ["panoptic/cat.png", "overlays/cat.png"]
    line = json.loads(found.line)
    assert line == found.read()
    assert list(line) == ["coco", "overlays", "rle", "written", "stamp"]
    assert line["written"] == list(found.files)
    assert line["stamp"] == [12, 34, 56, ""]
    for sink in sinks:
        assert line[sink.name] == json.loads(json.dumps(sink.encode(ITEM, bright(PICTURE), PICTURE).entry))


def test_a_failure():
    found = failure(ITEM, "no such file")
    assert (found.index, found.failed, found.files) == (41, True, {})
    assert found.read() == {
        "error": {
            "image": "/x/some/cat.jpg",
            "image_id": 42,
            "file_name": "some/cat.jpg",
            "error": "no such file",
        }
    }


def test_virtual_scores(tmp_path):
    sink = VirtualScores(LinesSink())
    assert (sink.name, sink.files, sink.live) == ("rle", ("results.jsonl",), False)
    entry = sink.encode(ITEM, bright(PICTURE), PICTURE).entry
    assert [segment["score"] for segment in entry["segments_info"]] == [0.999]
    sink.finish(tmp_path, lambda: iter([entry]), ())
    assert json.loads((tmp_path / "results.jsonl").read_text()) == entry


def test_pixels_are_the_image():
    seen = []

    class Seeing(LinesSink):
        def encode(self, item, result, pixels):
            seen.append(pixels)
            return super().encode(item, result, pixels)

    record(ITEM, bright(PICTURE), PICTURE, [Seeing()])
    assert np.array_equal(seen[0], PICTURE)
