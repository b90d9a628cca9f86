"""The notebooks of the documents: they run from top to bottom, and what is stored of a run reads well."""

import base64
import json
import re

import nbformat
import pytest

from tests.conftest import ROOT
from tests.notebooks import NOTEBOOKS, pictures, run, texts

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
    assert json.loads(content)["metadata"]["language_info"] == {"name": "python"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    links = [link for cell in cells for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", cell.source)]
    assert links
    for link in links:
        assert (path.parent / link).is_file(), link


def test_a_page_leads_to_each():
    pages = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    assert [path.name for path in NOTEBOOKS if f"notebooks/{path.name})" not in pages] == []
