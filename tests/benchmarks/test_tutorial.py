"""The tutorial's commands as they are printed, with fewer photos and steps."""

import json
import shlex

import pytest
from typer.testing import CliRunner

from benchmarks import tutorial
from modelscope_swinpan import load_model
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import ConfigError


def here(folder, monkeypatch):
    """What runs the blocks in this process, which has imported everything."""

    def run(language, code):
        monkeypatch.chdir(folder)
        if language == "python":
            exec(compile(code, "tutorial.md", "exec"), {})
            return
        for line in code.replace("\\\n", " ").splitlines():
            program, *words = shlex.split(line)
            assert program == "swinpan"
            answer = CliRunner().invoke(app, words)
            assert answer.exit_code == 0, (line, answer.output)

    return run


def test_the_tutorial(tmp_path, monkeypatch):
    pytest.importorskip("hotcoco")
    folder = tmp_path / "tutorial"
    monkeypatch.setattr(tutorial, "_runner", lambda folder: here(folder, monkeypatch))
    found = tutorial.bench_tutorial(folder, photos=6, steps=2, others=1)
    assert set(found["minutes"]) > {"The photos", "Label Studio", "Training"}
    assert found["segments"]["left"] > 10
    assert found["segments"]["drawn"] > 10
    for figures in (found["validation"], found["others"]):
        assert set(figures) == {"before", "after"}
    assert found["validation"]["before"] != found["validation"]["after"]
    assert len(load_model(folder / "run" / "model").config.categories) == 20
    compared = json.loads((folder / "after" / "analysis.json").read_text())
    assert compared["comparison"]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        tutorial.bench_tutorial(tmp_path)


def test_blocks_run_as_they_stand(tmp_path):
    """By the shell and by Python, in the folder; a command that fails ends the measurement."""
    run = tutorial._runner(tmp_path)
    run("", "swinpan --version > version.txt")
    run("python", "print(1, file=open('one.txt', 'w'))")
    assert {path.name for path in tmp_path.iterdir()} == {"version.txt", "one.txt"}
    with pytest.raises(ConfigError, match="exit status 3: no"):
        run("", "echo no >&2; exit 3\necho yes")
