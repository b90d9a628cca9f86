import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id) -> Path:
    """The built site, once for all processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    told = folder.with_suffix(".txt")
    with FileLock(folder.with_suffix(".lock")):
        if not told.exists():
            command = [sys.executable, ROOT / "docs" / "build.py", folder]
            done = subprocess.run(command, capture_output=True, text=True, cwd=base)
            told.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    assert told.read_text() == "0\n"
    return folder
