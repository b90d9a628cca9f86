"""``python -m benchmarks``."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from modelscope_swinpan import load_model
from modelscope_swinpan.benchmark import random_model
from tests.builders import SMALL
from tests.conftest import ROOT


def run(*arguments, **options):
    return CliRunner().invoke(app, [*map(str, arguments)], **options)


def test_every_file_is_a_measurement():
    files = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    commands = {command.name for command in app.registered_commands}
    assert commands == (files - {"repeat"}) | {"random-model"}
    for name in commands:
        answer = run(name, "--help")
        assert answer.exit_code == 0, answer.output


def test_the_default_model(tmp_path, monkeypatch):
    monkeypatch.setattr(random_model.presets, "swin_large", lambda: SMALL)
    answer = run("random-model", tmp_path / "model")
    assert answer.exit_code == 0, answer.output
    assert load_model(tmp_path / "model").config == SMALL


def test_tiles(directory):
    answer = run("tiles", "--model", directory, "--scenes", 2, "--size", "96x128", "--far", 1.5, "--tile-side", 64)
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert (found["scenes"], found["size"], found["far"], found["tile_side"]) == (2, [96, 128], 1.5, 64)
    assert found["whole"].keys() == found["tiles"].keys()


def test_as_a_program():
    """Its workers are processes that must find the measurements."""
    command = [sys.executable, "-m", "benchmarks", "postprocess", "--width", "320", "--height", "240", "--runs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["width"], found["height"], found["queries"], len(found["seconds_all"])) == (320, 240, 30, 1)


@pytest.mark.parametrize("arguments", [("tiles", "--model", "x", "--size", "9"), ("precision", "--model", "nowhere")])
def test_mistakes_are_one_line(arguments):
    answer = run(*arguments)
    assert answer.exit_code in (1, 2)
    assert answer.stderr.startswith("Error: ")
    assert len(answer.stderr.splitlines()) == 1


def test_openmp_must_not_bind():
    answer = run("roofline", env={"OMP_PROC_BIND": "close"})
    assert answer.exit_code == 2
    assert answer.stderr.startswith("Error: OMP_PROC_BIND=close binds")
