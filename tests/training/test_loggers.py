"""Loggers of other packages, which stand-ins replace: none of them is installed, and none is asked."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.training.log import TrainingLog, read_table
from modelscope_swinpan.training.loggers import check_loggers, open_loggers

PIXELS = np.zeros((4, 5, 3), np.uint8)


@pytest.fixture
def mlflow(monkeypatch):
    """MLflow's functions that we call, which note it."""
    module, calls = ModuleType("mlflow"), []

    def start_run(run_id=None, run_name=None):
        if run_id == "gone":
            raise RuntimeError("no such run")
        calls.append(("start", run_id, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id or "m1"))

    module.start_run = start_run
    module.log_metrics = lambda values, step: calls.append(("values", values, step))
    module.log_image = lambda pixels, name: calls.append(("picture", pixels.shape, name))
    module.end_run = lambda: calls.append(("end",))
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return calls


@pytest.fixture
def wandb(monkeypatch):
    """The same of Weights & Biases."""
    module, calls = ModuleType("wandb"), []

    def init(**options):
        calls.append(("init", options))
        return SimpleNamespace(
            id=options["id"] or "w1",
            define_metric=lambda *names, **options: calls.append(("metric", names, options)),
            log=lambda values: calls.append(("log", values)),
            finish=lambda: calls.append(("finish",)),
        )

    module.init = init
    module.Image = lambda pixels: f"image of {pixels.shape}"
    monkeypatch.setitem(sys.modules, "wandb", module)
    return calls


def logged(folder, step=0, names=("mlflow", "wandb")):
    log = TrainingLog(folder, step, names)
    log.add_training(step + 1, {"loss": 3.0})
    log.add_evaluation(step + 1, {"pq": 40.0})
    log.add_picture(step + 1, PIXELS)
    log.close()


def test_mlflow_gets_all(tmp_path, mlflow):
    logged(tmp_path, names=("mlflow",))
    assert mlflow == [
        ("start", None, tmp_path.name),
        ("values", {"train/loss": 3.0}, 1),
        ("values", {"evaluation/pq": 40.0}, 1),
        ("picture", (4, 5, 3), "samples/step-000001.png"),
        ("end",),
    ]


def test_wandb_gets_all(tmp_path, wandb):
    logged(tmp_path, names=("wandb",))
    assert wandb == [
        ("init", {"id": None, "name": tmp_path.name, "resume": "allow"}),
        ("metric", ("*",), {"step_metric": "step"}),
        ("log", {"step": 1, "train/loss": 3.0}),
        ("log", {"step": 1, "evaluation/pq": 40.0}),
        ("log", {"step": 1, "samples": "image of (4, 5, 3)"}),
        ("finish",),
    ]


def test_a_run_that_goes_on_is_the_same_run(tmp_path, mlflow, wandb):
    logged(tmp_path)
    assert json.loads((tmp_path / "loggers.json").read_text()) == {"mlflow": "m1", "wandb": "w1"}
    logged(tmp_path, step=1)
    assert [call for call in mlflow if call[0] == "start"][1] == ("start", "m1", None)
    assert [call for call in wandb if call[0] == "init"][1][1]["id"] == "w1"


def test_a_logger_that_fails_does_not_end_the_run(tmp_path, mlflow, monkeypatch):
    def refuse(values, step):
        raise OSError("no network")

    monkeypatch.setattr(sys.modules["mlflow"], "log_metrics", refuse)
    log = TrainingLog(tmp_path, 0, ("mlflow",))
    with pytest.warns(UserWarning, match=r"mlflow failed and gets no more \(OSError: no network\)"):
        log.add_training(1, {"loss": 3.0})
    log.add_training(2, {"loss": 2.0})
    log.close()
    assert read_table(tmp_path / "log.csv")["step"] == [1, 2]
    assert mlflow == [("start", None, tmp_path.name)]


def test_without_the_package(tmp_path, monkeypatch):
    for name in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError, match=rf"Logging to {name} needs {name}: pip install {name}\."):
            check_loggers([name])
    with pytest.raises(ConfigError, match=r"unknown logger 'comet'\. Known loggers: mlflow, wandb"):
        check_loggers(["comet"])
    assert open_loggers([], tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"mlflow": "gone"}', r"no such run\).* run gone; remove .*loggers\.json to begin another"),
        ("[]", r"loggers\.json is damaged"),
        ("{", r"loggers\.json is damaged"),
    ],
)
def test_a_run_that_is_gone(tmp_path, mlflow, content, message):
    (tmp_path / "loggers.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        open_loggers(["mlflow"], tmp_path)
