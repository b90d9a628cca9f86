"""Lines of progress where there is no terminal."""

import io
import re
import time

import pytest
from rich.console import Console

from modelscope_swinpan.cli import progress
from modelscope_swinpan.runs.run import Progress


@pytest.fixture
def lines(monkeypatch):
    """What standard error shows, which is no terminal."""
    text = io.StringIO()
    monkeypatch.setattr(progress, "err", Console(file=text, width=200))
    return lambda: text.getvalue().splitlines()


def test_a_run_says_what_it_will_do(lines):
    with progress.shown("Segmenting", progress.err) as show:
        show(Progress(done=2, failed=0, total=700_300))
        assert lines() == ["Segmenting 700300 images, 2 of them done before"]
        show(Progress(done=3, failed=0, total=700_300, images_per_second=1.0))
    assert len(lines()) == 1  # half a minute is not over
    with progress.shown("Segmenting", progress.err) as show:
        show(Progress(done=3, failed=0, total=3))
    assert len(lines()) == 1  # nothing is left to do


def test_items_are_counted(lines, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0)
    with progress.tracking("Painting") as track:
        assert list(track("ab")) == ["a", "b"]
    first, *later = lines()
    assert first == "Painting 2 images"
    assert [line.partition(", ")[0] for line in later] == ["1 of 2 images", "2 of 2 images"]


def test_work_that_cannot_be_counted(lines, monkeypatch):
    with progress.busy("Exporting model.onnx"):
        pass
    assert lines() == []  # it was over at once
    monkeypatch.setattr(progress, "SOON", 0.01)
    monkeypatch.setattr(progress, "SECONDS", 0.01)
    with progress.busy("Exporting model.onnx"):
        deadline = time.monotonic() + 60
        while len(lines()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    told = lines()
    assert all(re.fullmatch(r"Exporting model\.onnx, for 0:0\d:\d\d so far", line) for line in told)
    assert len(told) >= 2


def test_an_error_ends_the_lines(lines, monkeypatch):
    monkeypatch.setattr(progress, "SOON", 0.01)
    with pytest.raises(ValueError, match="no"), progress.busy("Reading"):
        raise ValueError("no")
    before = lines()
    time.sleep(0.05)
    assert lines() == before
