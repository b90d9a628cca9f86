"""``swinpan eval``."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from tests.evaluation import painted
from tests.runs.fakes import contents


@pytest.fixture
def data(tmp_path):
    return painted.dataset(tmp_path / "data", count=3).layout.json_path.parent


def swinpan(*arguments):
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def test_a_dataset(model, data, tmp_path):
    out = tmp_path / "out"
    answer = swinpan("--data", data, "--model", model, "--output", out, "--limit", 2, "--device", "cpu")
    assert answer.exit_code == 0, answer.output
    assert "| box mAP  | mask mAP | PQ       |" in answer.stdout
    assert answer.stdout.splitlines()[-1] == f"The report is in {out}"
    assert answer.stderr == "Evaluating 2 images\n"
    evaluated = json.loads((out / "report.json").read_text())["evaluated"]
    assert (evaluated["model"], evaluated["images"], evaluated["dtype"]) == (str(model), 2, "float32")
    again = swinpan("--data", data, "--model", model, "--output", out, "--limit", 2, "--device", "cpu")
    assert again.stdout == answer.stdout
    other = swinpan("--data", data, "--model", model, "--output", out, "--device", "cpu", "--dtype", "bfloat16")
    assert other.exit_code == 2
    assert 'dtype was "float32", is "bfloat16"' in other.stderr


def test_images_elsewhere(model, data, tmp_path):
    (data / "images").rename(tmp_path / "photos")
    answer = swinpan("--data", data, "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    assert answer.exit_code == 1
    assert "no such file" in answer.stderr
    (data / "panoptic").rename(tmp_path / "truth")
    given = ("--images", tmp_path / "photos", "--panoptic", tmp_path / "truth", "--output", tmp_path / "out")
    options = ("--device", "cpu", "--batch-size", 2)
    assert swinpan("--data", data / "panoptic.json", "--model", model, *given, *options).exit_code == 0


def test_scenes(model, tmp_path):
    arguments = ("--scenes", 2, "--seed", 3, "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    answer = swinpan(*arguments)
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "out" / "report.json").read_text())["evaluated"]["images"] == 2
    painted_once = (tmp_path / "out" / "scenes-3-2" / "panoptic.json").stat().st_mtime_ns
    assert swinpan(*arguments).exit_code == 0
    assert (tmp_path / "out" / "scenes-3-2" / "panoptic.json").stat().st_mtime_ns == painted_once


def test_predictions(data, tmp_path):
    shutil.copytree(data, tmp_path / "found")
    answer = swinpan("--data", data, "--predictions", tmp_path / "found", "--output", tmp_path / "out")
    assert answer.exit_code == 0, answer.output
    assert "| –        | –        | 100.0    |" in answer.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        ".lock",
        "analysis.json",
        "per_class.csv",
        "per_photo.jsonl",
        "report.html",
        "report.json",
        "run.json",
    }
    shutil.rmtree(tmp_path / "found" / "panoptic")
    (tmp_path / "found" / "panoptic").mkdir()
    before = contents(tmp_path / "out")
    command = ("--data", data, "--predictions", tmp_path / "found", "--output", tmp_path / "out")
    assert swinpan(*command).exit_code == 1
    assert contents(tmp_path / "out") == before
    again = swinpan("--data", data, "--predictions", data, "--output", tmp_path / "out", "--limit", 1)
    assert again.exit_code == 0, again.output
    assert contents(tmp_path / "out") != before


def test_what_changed_since_another_evaluation(model, data, tmp_path):
    """Of the model, to the truth itself. An evaluation of other photos is refused before anything is done."""
    before, out = tmp_path / "before", tmp_path / "out"
    assert swinpan("--data", data, "--model", model, "--output", before, "--device", "cpu").exit_code == 0
    answer = swinpan("--data", data, "--predictions", data, "--output", out, "--compare", before)
    assert answer.exit_code == 0, answer.output
    assert "Photos: 3 better, 0 worse, 0 the same." in answer.stdout
    assert json.loads((out / "analysis.json").read_text())["comparison"]["all"]["after"] == 100
    again = swinpan("--data", data, "--model", model, "--output", before, "--device", "cpu", "--compare", out)
    assert "Photos: 0 better, 3 worse, 0 the same." in again.stdout, again.output
    other = painted.dataset(tmp_path / "other", count=2).layout.json_path.parent
    for how in (("--model", model, "--device", "cpu"), ("--predictions", other)):
        refused = swinpan("--data", other, *how, "--output", tmp_path / "new", "--compare", before)
        assert refused.exit_code == 1
        assert "evaluates 3 photos, this evaluation 2" in refused.stderr
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give either --data"),
        (("--data", ".", "--compare", "nowhere"), "nowhere"),
        (("--data", ".", "--scenes", "5"), "Give either --data"),
        (("--scenes", "0:500"), "Invalid value for '--scenes'"),
        (("--scenes", "0"), "--scenes"),
        (("--data", ".", "--seed", "5"), "--seed belongs to --scenes"),
        (("--scenes", "2", "--seed", "999999"), "2 scenes from seed 999999 on end at 1000000, but seeds from 1000000"),
        (("--data", ".", "--thresholds", "--predictions", "."), "--thresholds needs a run of a model"),
        (("--data", ".", "--predictions", ".", "--model", "embedded"), "scores a folder, without a model"),
        (("--data", ".", "--predictions", ".", "--workers", "2"), "scores a folder, without a model"),
        (("--data", "nowhere"), "nowhere"),
        (("--data", ".", "--limit", "0"), "--limit"),
    ],
)
def test_mistakes(tmp_path, arguments, message):
    answer = swinpan(*arguments, "--output", tmp_path / "new")
    assert answer.exit_code == 2, answer.output
    assert message in answer.stderr
    assert "Traceback" not in answer.output
    assert not (tmp_path / "new").exists()
