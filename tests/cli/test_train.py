"""``swinpan train``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.cli import train as training
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.scenes.dataset import SceneDataset
from modelscope_swinpan.training.log import read_table
from tests.training.runs import fresh_model

QUICK = ("--size", "64x64", "--set", "batch_size=2", "--set", "workers=0", "--set", "log_every=1", "--device", "cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    scenes = SceneDataset(range(3), (64, 64))
    write_dataset(folder, (scenes[index] for index in range(3)), scenes.categories)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    save_pretrained(fresh_model(), folder)
    return folder


def swinpan(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def test_a_run_and_its_end(tmp_path, dataset, small):
    pytest.importorskip("hotcoco")
    command = ("--data", dataset, "--validation", dataset, "--model", small, "--output", tmp_path, *QUICK)
    answer = swinpan(*command, "--set", "steps=2")
    assert answer.exit_code == 0, answer.output
    assert "Training 2 steps of 2 samples; a line every" in answer.stdout
    assert "step 2/2  loss " in answer.stdout
    assert "step 2/2  pq " in answer.stdout
    assert f"The model is in {tmp_path / 'model'}" in answer.stdout.replace("\n", "")
    assert {"checkpoint.pt", "curves.png", "evaluation", "evaluations.csv", "log.csv", "model", "samples"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert load_model(tmp_path / "model").config.categories == SceneDataset(()).categories
    again = swinpan(*command, "--set", "steps=2")
    assert "Going on after step 2 of 2" in again.stdout
    other = fresh_model()
    torch.nn.init.zeros_(other.transformer_decoder.class_head.bias)
    torch.nn.init.ones_(other.transformer_decoder.query_feat)
    save_pretrained(other, tmp_path / "other")
    refused = swinpan(*command, "--set", "steps=2", "--model", tmp_path / "other")
    assert refused.exit_code == 1, refused.output
    assert "starting_model = " in refused.stderr
    scenes = SceneDataset(range(1, 4), (64, 64))
    write_dataset(tmp_path / "validation", (scenes[index] for index in range(3)), scenes.categories)
    refused = swinpan(*command, "--set", "steps=2", "--validation", tmp_path / "validation")
    assert "other validation data: 3 (000001.png, 000002.png, 000003.png) have another truth" in refused.stderr
    for setting, name in (("learning_rate=0.5", "learning_rate"), ("scale=[1, 1]", "phases")):
        other = swinpan(*command, "--set", "steps=2", "--set", setting)
        assert other.exit_code == 1
        assert name in other.stderr


def test_a_dataset_of_another_layout_with_a_damaged_photo(tmp_path, dataset, small):
    """The folders are named, the photo is left out, and the end says so."""
    content = json.loads((dataset / "panoptic.json").read_text())
    (tmp_path / "truth.json").write_text(json.dumps(content))
    photos = tmp_path / "photos"
    shutil.copytree(dataset / "images", photos)
    whole = (photos / "000002.png").read_bytes()
    (photos / "000002.png").write_bytes(whole[: len(whole) // 2])
    folders = ("--images", photos, "--panoptic", dataset / "panoptic", "--exif", "apply")
    command = ("--data", tmp_path / "truth.json", *folders, "--model", small, "--output", tmp_path / "run", *QUICK)
    answer = swinpan(*command, "--set", "steps=2")
    assert answer.exit_code == 0, answer.output
    (line,) = (line for line in answer.stderr.splitlines() if "deprecated" not in line)  # by other packages
    assert line.startswith("Warning: 1 damaged photo was left out. The first: ")
    assert str(photos / "000002.png") in line
    strict = swinpan(*command, "--set", "steps=3", "--set", "tolerate=0")
    assert strict.exit_code == 1
    (photos / "000001.png").unlink()
    missing = swinpan(*command, "--set", "steps=2")
    assert missing.exit_code == 1
    assert "1 of 3 examples are wrong" in missing.stderr


def test_the_small_model_of_the_package(tmp_path, monkeypatch):
    pytest.importorskip("hotcoco")
    monkeypatch.setattr(training, "HELD_OUT", 2)
    short = ("--set", "steps=1", "--set", "batch_size=1", "--set", "workers=0", "--device", "cpu")
    answer = swinpan("--demo", "--output", tmp_path, *short)
    assert answer.exit_code == 0, answer.output
    assert read_table(tmp_path / "evaluations.csv")["step"] == [0, 1]
    half, whole = (tmp_path / name for name in ("model-float16", "model"))
    assert load_model(half).config == load_model(whole).config
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (half, whole)]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_torchrun(tmp_path, dataset, small):
    program = Path(sys.executable).with_name("swinpan")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    steps = ("--set", "steps=2")
    answer = subprocess.run(
        [*launcher, program, "train", "--data", dataset, "--model", small, "--output", tmp_path, *QUICK, *steps],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("The model is in") == 1
    assert read_table(tmp_path / "log.csv")["step"] == [1, 2]
    load_model(tmp_path / "model")


def test_other_classes_are_told(tmp_path, dataset, tiny):
    answer = swinpan(
        "--data", dataset, "--model", tiny, "--output", tmp_path, *QUICK, "--set", "steps=1", "--head-only"
    )
    assert answer.exit_code == 0, answer.output
    assert "Classes: " in answer.stdout
    before, after = load_model(tiny).state_dict(), load_model(tmp_path / "model").state_dict()
    changed = {
        name.split(".")[0]
        for name in after
        if after[name].shape != before[name].shape or (after[name] != before[name]).any()
    }
    assert changed == {"transformer_decoder"}


def test_a_logger(tmp_path, dataset, small, monkeypatch):
    """MLflow's stand-in gets what the log gets, also of a run that goes on."""
    module, calls = ModuleType("mlflow"), []
    info = SimpleNamespace(info=SimpleNamespace(run_id="m1"))
    module.start_run = lambda **run: calls.append(run) or info
    module.log_metrics = lambda values, step: calls.append((step, "train/loss" in values))
    module.log_image = lambda pixels, name: calls.append(name)
    module.end_run = lambda: calls.append("end")
    monkeypatch.setitem(sys.modules, "mlflow", module)
    command = ("--data", dataset, "--model", small, "--output", tmp_path / "run", *QUICK, "--set", "steps=2")
    answer = swinpan(*command, "--log", "mlflow")
    assert answer.exit_code == 0, answer.output
    assert calls == [{"run_name": "run"}, (1, True), (2, True), "samples/step-000002.png", "end"]
    calls.clear()
    assert swinpan(*command, "--log", "mlflow").exit_code == 0
    assert calls == [{"run_id": "m1"}, "samples/step-000002.png", "end"]
    monkeypatch.setitem(sys.modules, "wandb", None)
    missing = swinpan(*command, "--log", "wandb")
    assert missing.exit_code == 2
    assert "Logging to wandb needs wandb: pip install wandb" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give either --data, a dataset, or --demo"),
        (("--demo", "--log", "comet"), "unknown logger 'comet'. Known loggers: mlflow, wandb"),
        (("--demo", "--set", "step=3"), "unknown option 'step'. Did you mean 'steps'"),
        (("--demo", "--set", "steps"), "--set needs NAME=VALUE"),
        (("--demo", "--set", "steps=many"), "steps must be int; got 'many'"),
        (("--demo", "--size", "64x64"), "--demo has its own data, model and sizes"),
        (("--data", ".", "--head-only", "--set", 'freeze=["backbone"]'), "either --head-only or --set freeze"),
        (("--data", ".", "--size", "100x100"), "multiples of 32"),
        (("--data", ".", "--set", "scael=1"), "unknown option 'scael'. Did you mean 'scale'"),
        (("--data", ".", "--set", "scale=[2, 1]"), "scale must hold two factors above 0"),
    ],
)
def test_mistakes(tmp_path, arguments, message):
    answer = swinpan("--output", tmp_path / "new", *arguments)
    assert answer.exit_code == 2, answer.output
    assert message in answer.stderr
    assert "Traceback" not in answer.output
    assert not (tmp_path / "new" / "checkpoint.pt").exists()
