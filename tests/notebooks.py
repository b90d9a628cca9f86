"""Run the notebooks of the documents. As a program (``make notebooks``), store their outputs in both languages."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}  # by which the site colours commands, too
SECONDS = 300
"""The longest that a cell may take."""


def run(path: Path, folder: Path) -> Any:
    """The notebook after a run in ``folder``, where it may write."""
    notebook = nbformat.read(path, as_version=4)
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # IPython gives commands a terminal: no bars in it that move, and no colours.
    quiet = {"PATH": commands, "TTY_COMPATIBLE": "0", "TTY_INTERACTIVE": "0", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    with mock.patch.dict(os.environ, quiet):
        NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times
    notebook.metadata.language_info = LANGUAGE
    return notebook


def twin(path: Path) -> Path:
    """The same notebook with Chinese words."""
    return path.parents[1] / "zh" / "notebooks" / path.name


def texts(notebook: Any) -> str:
    """All that its cells print."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text", "") for output in outputs)


def pictures(notebook: Any) -> list[str]:
    """The pictures among its outputs, PNGs in base64."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def main() -> None:
    """Run all, and keep what they give."""
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            notebook = run(path, Path(folder))
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                output.get("data", {}).pop("text/plain", None) if "image/png" in output.get("data", {}) else None
                if "text" in output:
                    output.text = re.sub(r"[\d.]+ images/s|images_per_second [\d.]+", "…", output.text)
        nbformat.write(notebook, path)
        chinese = nbformat.read(twin(path), as_version=4)
        for cell, ran in zip(chinese.cells, notebook.cells, strict=True):
            if ran.cell_type == "code":
                cell.update(source=ran.source, execution_count=ran.execution_count, outputs=ran.outputs)
        nbformat.write(chinese, twin(path))


if __name__ == "__main__":
    main()
