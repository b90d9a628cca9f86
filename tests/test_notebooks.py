"""The notebooks of the documents: they run from top to bottom, and what is stored of a run reads well."""

import base64
import json
import re

import nbformat
import pytest

from tests.notebooks import LANGUAGE, NOTEBOOKS, pictures, run, texts, twin

LARGEST = 100_000
"""Bytes of a notebook, outputs included."""
PROMISED = {
    "first-steps": ("sky-other-merged", "000000000001.png (320, 256)"),
    "own-classes": ("2 new: vehicle, plant", "No problems found.", "The model is in run/model", "'vehicle'", "'plant'"),
    "evaluation-report": ("The report is in report", "without wrong class"),
}
"""What a run prints, as the commands in a notebook end no cell where they fail."""


def test_all_are_here():
    assert [path.stem for path in NOTEBOOKS] == sorted(PROMISED)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    pytest.importorskip("hotcoco")
    found = run(path, tmp_path)
    assert "Error" not in texts(found), texts(found)
    for promised in PROMISED[path.stem]:
        assert promised in texts(found)
    assert len(pictures(found)) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored(path):
    """All cells were run, in order; one picture; no path of somebody's machine, no times."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < LARGEST
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    (picture,) = pictures(notebook)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    for promised in PROMISED[path.stem]:
        assert promised in texts(notebook)
    content = path.read_text()
    assert not re.search(r"/home/|/tmp/|/root/|\\u001b|iopub", content)
    assert json.loads(content)["metadata"]["language_info"] == LANGUAGE


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_chinese_twin_shows_the_same_run(path):
    both = [nbformat.read(notebook, as_version=4) for notebook in (path, twin(path))]
    runs = [[cell for cell in notebook.cells if cell.cell_type == "code"] for notebook in both]
    for cell, other in zip(*runs, strict=True):
        assert (other.source, other.execution_count, other.outputs) == (
            cell.source,
            cell.execution_count,
            cell.outputs,
        )
    assert both[0].metadata == both[1].metadata
