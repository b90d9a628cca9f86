"""``swinpan train``."""

import pytest
from typer.testing import CliRunner

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.data.coco_panoptic import write_dataset
from modelscope_swinpan.data.scenes import SceneDataset
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
    assert "step 2/2  loss " in answer.stdout
    assert f"The model is in {tmp_path / 'model'}" in answer.stdout.replace("\n", "")
    assert {"checkpoint.pt", "curves.png", "evaluation", "evaluations.csv", "log.csv", "model", "samples"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert load_model(tmp_path / "model").config.categories == SceneDataset(()).categories
    again = swinpan(*command, "--set", "steps=2")
    assert "Going on after step 2 of 2" in again.stdout
    for setting, name in (("learning_rate=0.5", "learning_rate"), ("scale=[1, 1]", "phases")):
        other = swinpan(*command, "--set", "steps=2", "--set", setting)
        assert other.exit_code == 1
        assert name in other.stderr


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give either --data, a dataset, or --demo"),
        (("--demo", "--set", "step=3"), "unknown option 'step'. Did you mean 'steps'"),
        (("--demo", "--set", "steps"), "--set needs NAME=VALUE"),
        (("--demo", "--set", "steps=many"), "steps must be int; got 'many'"),
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
