"""The package without what Windows lacks: every module is imported, and the main commands run."""

import subprocess
import sys

import pytest

from modelscope_swinpan.checkpoints.save import save_pretrained
from tests import windows
from tests.conftest import CHELSEA, ROOT
from tests.evaluation import painted
from tests.runs.fakes import photos
from tests.training.runs import fresh_model

QUICK = "--device|cpu"


def test_modules_and_commands(tmp_path):
    out = tmp_path / "with a space"
    photos(out / "photos", 2)
    painted.dataset(out / "data", count=1)
    save_pretrained(fresh_model(), out / "trainable")
    train = f"train|--data|{out / 'data'}|--validation|{out / 'data'}|--model|{out / 'trainable'}|--size|64x64"
    commands = [
        "--help",
        f"predict|{CHELSEA}|--model|embedded|{QUICK}|--output|{out / 'predicted'}",
        f"batch|{out / 'photos'}|--model|embedded|{QUICK}|--output|{out / 'batch'}",
        f"eval|--scenes|2|--model|embedded|{QUICK}|--output|{out / 'report'}",
        f"{train}|{QUICK}|--set|steps=2|--set|batch_size=1|--set|workers=0|--output|{out / 'trained'}",
    ]
    command = [sys.executable, "-m", "tests.windows", *commands]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    written = [out / name for name in ("predicted/panoptic.json", "batch/panoptic.json", "report/report.html")]
    assert all(path.is_file() for path in [*written, out / "trained" / "model" / "model.safetensors"])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import resource", "No module named 'resource' on Windows"),
        ("from fcntl import flock", "No module named 'fcntl' on Windows"),
        ("import os\nos.getuid()", "no attribute 'getuid' on Windows"),
        ("from signal import SIGKILL", "SIGKILL"),
        ("import os, signal\nassert os.getpid() and signal.SIGTERM and not hasattr(os, 'fork')", None),
    ],
)
def test_what_is_taken_away(code, error, monkeypatch):
    monkeypatch.setattr("builtins.__import__", __import__)
    windows.block()
    try:
        exec(code, {"__name__": "modelscope_swinpan.any"})
        found = None
    except (ImportError, AttributeError) as raised:
        found = str(raised)
    finally:
        monkeypatch.undo()
    assert found is None if error is None else error in found
    exec("import os, resource\nos.fork", {"__name__": "another"})
