"""Whole batches in this process: to their end, killed on the way, and very long ones."""

import functools
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.inference.tiles import TiledPredictor
from modelscope_swinpan.runs.folder import RunFolder
from modelscope_swinpan.runs.formats import CocoPanopticSink
from modelscope_swinpan.runs.inputs import Entry, Inputs
from modelscope_swinpan.runs.journal import Lines
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.run import Progress, run_images
from modelscope_swinpan.runs.sinks import Record, failure
from tests.runs.fakes import BrightPredictor, contents, photos, small_model

COUNT, BAD = 12, 7


@pytest.fixture
def folder(tmp_path):
    return photos(tmp_path / "photos", COUNT, BAD)


@pytest.mark.parametrize("form", ["coco", "rle", "parquet"])
def test_to_the_end(folder, tmp_path, form):
    seen = []
    reached = run_images(
        BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", sinks=[form], progress=seen.append
    )
    assert [progress.done for progress in seen] == list(range(COUNT + 1))
    assert (reached.done, reached.failed, reached.total) == (COUNT, 1, COUNT)
    assert (seen[0].images_per_second, seen[0].seconds_left) == (None, None)
    assert all(progress.images_per_second > 0 for progress in seen[1:])
    assert reached.seconds_left == 0
    assert len((tmp_path / "out" / "errors.jsonl").read_text().splitlines()) == 1

    before = contents(tmp_path / "out")
    again = run_images(BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", sinks=[form], engine=pytest.fail)
    assert again == Progress(done=COUNT, failed=1, total=COUNT)
    assert contents(tmp_path / "out") == before


def test_what_is_written_is_what_the_model_says(folder, tmp_path):
    predictor = PanopticPredictor(small_model(), batch_size=3)
    run_images(predictor, open_inputs(str(folder)), tmp_path / "out")
    content = json.loads((tmp_path / "out" / "panoptic.json").read_text())
    paths = sorted(path for path in folder.iterdir() if path.name != f"{BAD:03d}.png")
    assert [image["file_name"] for image in content["images"]] == [path.name for path in paths]
    expected = predictor.predict([decode_image(path) for path in paths])
    for result, found in zip(expected, content["annotations"], strict=True):
        annotation, png = result.to_coco(found["image_id"], found["file_name"])
        assert found == json.loads(json.dumps(annotation))
        assert np.array_equal(png, Image.open(tmp_path / "out" / "panoptic" / found["file_name"]))


@pytest.mark.parametrize(
    ("owner", "method", "calls"),
    [
        (RunFolder, "keep", 0),
        (RunFolder, "keep", BAD),
        (Path, "replace", 6),  # a PNG is written beside its place
        (Lines, "add", BAD - 1),  # a PNG is in its place, its line is missing
        (RunFolder, "finish", 0),
    ],
)
def test_killed_and_called_again(folder, tmp_path, owner, method, calls, monkeypatch):
    """By SIGKILL, on whose way nothing can be put in order. No temporary file stays."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    inputs = open_inputs(str(folder))
    run_images(BrightPredictor(), inputs, tmp_path / "whole")
    process = multiprocessing.get_context("fork").Process(
        target=_run_and_die, args=(inputs, tmp_path / "killed", owner, method, calls)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(temporary.iterdir()) == []
    lines = tmp_path / "killed" / "journal.jsonl"
    before = lines.read_bytes() if lines.exists() else b""
    assert not (tmp_path / "killed" / "panoptic.json").exists()

    seen = []
    run_images(BrightPredictor(), inputs, tmp_path / "killed", progress=seen.append)
    assert seen[0].done == len(before.splitlines()) == {"keep": calls, "replace": 4, "add": calls}.get(method, COUNT)
    assert lines.read_bytes().startswith(before)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def _run_and_die(inputs, output, owner, method, calls):
    """A batch that ends by a signal instead of so many calls of a method and one."""
    original, left = getattr(owner, method), calls

    def deadly(*args, **options):
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return original(*args, **options)

    setattr(owner, method, deadly)
    run_images(BrightPredictor(), inputs, output)


def test_memory_is_bounded(tmp_path):
    """100,000 images, of which each leaves its traces on the disk alone."""
    count, blocks = 100_000, []
    tiny = np.zeros((2, 2, 3), np.uint8)
    inputs = Inputs(entries=lambda: (Entry(f"{n}.png", n) for n in range(count)), read=lambda source: tiny)

    def note(progress):
        if progress.done % 5_000 == 500:
            blocks.append(sys.getallocatedblocks())

    reached = run_images(BrightPredictor(batch_size=64), inputs, tmp_path / "out", sinks=["rle"], progress=note)
    assert (reached.done, len(blocks)) == (count, 20)
    assert max(blocks) - blocks[0] < 5_000  # one more per image would be 95,000


def test_the_files_are_made_in_bounded_memory(tmp_path):
    """The list of inputs, the journal and all that is made of it pass by line by line."""
    peaks = {}
    for count in (200, 2_000):
        entries = [Entry(f"{n}.png", n) for n in range(count)]
        inputs = Inputs(entries=functools.partial(iter, entries))
        with RunFolder(tmp_path / str(count), inputs, [CocoPanopticSink()], {}) as folder:
            tracemalloc.start()
            for item in folder.todo():
                entry = {"coco": {"image": {"id": item.image_id}, "annotation": {"segments_info": ["x" * 200]}}}
                record = (
                    failure(item, "damaged")
                    if item.index % 2
                    else Record(index=item.index, line=json.dumps(entry).encode())
                )
                folder.keep(record)
            folder.finish(COCO_PANOPTIC)
            peaks[count] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peaks[2_000] < peaks[200] + 100_000


def test_what_makes_another_run(folder, tmp_path):
    inputs = open_inputs(str(folder))
    run_images(BrightPredictor(), inputs, tmp_path / "out")
    run_images(BrightPredictor(batch_size=5), inputs, tmp_path / "out")  # no other answers
    for other in (
        BrightPredictor(task="semantic"),
        BrightPredictor(postprocess=PostprocessConfig(overlap_threshold=0.5)),
        TiledPredictor(BrightPredictor(), side=64),
    ):
        with pytest.raises(ConfigError, match="another run"):
            run_images(other, inputs, tmp_path / "out")


def test_failures_are_tried_again(folder, tmp_path):
    """Where that is asked for; also by a run that was stopped, whose journal has them in between."""
    out, inputs = tmp_path / "out", open_inputs(str(folder))
    run_images(BrightPredictor(), inputs, out, limit=BAD + 2)
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(folder / f"{BAD:03d}.png")
    assert run_images(BrightPredictor(), inputs, out).failed == 1
    assert run_images(BrightPredictor(), inputs, out, retry=True, limit=BAD).failed == 1  # which it does not look at
    reached = run_images(BrightPredictor(), inputs, out, retry=True)
    assert (reached.done, reached.failed) == (COUNT, 0)
    run_images(BrightPredictor(), inputs, tmp_path / "other")
    ours, theirs = (contents(one) for one in (out, tmp_path / "other"))
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"inputs.jsonl"}  # which has the sizes of files


def test_an_unknown_form(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"'cocoa'.*Did you mean 'coco'"):
        run_images(BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", sinks=["cocoa"])
    assert not (tmp_path / "out").exists()
