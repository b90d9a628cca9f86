"""Two workers on a local Ray cluster or two processes: the same files as in this process, whoever dies."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import CheckpointError, ConfigError, DeviceError
from modelscope_swinpan.runs import ray_engine
from modelscope_swinpan.runs.formats import CocoPanopticSink
from modelscope_swinpan.runs.inputs import Item, as_it_is
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.ray_engine import RayEngine
from modelscope_swinpan.runs.run import run_images
from tests.conftest import ROOT
from tests.evaluation import painted
from tests.ray_cluster import running_cluster
from tests.runs.fakes import BrightPredictor, DeadlyPredictor, contents, photos, small_model

COUNT, BAD = 10, 4
ENGINES = {"ray": ("--engine", "ray", "--workers", "2"), "processes": ("--workers", "2"), "local": ()}


@pytest.fixture(scope="module")
def cluster():
    with running_cluster() as address:
        yield address


@pytest.fixture
def folder(tmp_path):
    return photos(tmp_path / "photos", COUNT, BAD)


def open_predictor(model, device="cpu"):
    return PanopticPredictor(load_model(model, device=device))


def test_the_same_files_as_here(cluster, folder, tmp_path):
    save_pretrained(small_model(), tmp_path / "model")
    predictor, inputs = open_predictor(tmp_path / "model"), open_inputs(str(folder))
    run_images(predictor, inputs, tmp_path / "here")
    engine = RayEngine(load=functools.partial(open_predictor, tmp_path / "model"), workers=(2, 2), images_per_task=2)
    reached = run_images(predictor, inputs, tmp_path / "there", engine=engine)
    assert (reached.done, reached.failed) == (COUNT, 1)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.parametrize("task", ["panoptic", "instance"])
def test_swinpan_predict(cluster, folder, tmp_path, task):
    save_pretrained(small_model(), tmp_path / "model")
    images = sorted(map(str, folder.iterdir()))
    answers = {}
    for name, more in ENGINES.items():
        arguments = ["predict", *images, "--model", tmp_path / "model", "--task", task, "--device", "cpu"]
        answers[name] = CliRunner().invoke(app, [*map(str, arguments), *more, "--output", str(tmp_path / name)])
    assert {answer.exit_code for answer in answers.values()} == {1}  # for the image that is none
    for name in ("ray", "processes"):
        there, here = (answers[one].stdout.replace(str(tmp_path / one), "OUT") for one in (name, "local"))
        assert there == here
        assert contents(tmp_path / name) == contents(tmp_path / "local")
    assert len(list((tmp_path / "ray" / "overlays").iterdir())) == COUNT - 1


@pytest.mark.parametrize("more", [(), ("--tiles",), ("--thresholds",)])
def test_swinpan_eval(cluster, tmp_path, more):
    save_pretrained(small_model(), tmp_path / "model")
    data = painted.dataset(tmp_path / "data", count=5).layout.json_path.parent
    for name, engine in ENGINES.items():
        arguments = ["eval", "--data", data, "--model", tmp_path / "model", "--device", "cpu", *more]
        answer = CliRunner().invoke(app, [*map(str, arguments), *engine, "--output", str(tmp_path / name)])
        assert answer.exit_code == 0, answer.output
    ray, processes, here = (contents(tmp_path / name) for name in ENGINES)
    assert here.keys() >= {"report.json", "per_class.csv"}
    assert ray == processes == here


def test_workers_that_die(cluster, folder, tmp_path):
    """They die of one image once, and of its neighbour every time: it alone has no result."""
    once, deadly = 5, 7
    inputs = open_inputs(str(folder))
    run_images(BrightPredictor(), inputs, tmp_path / "here")
    load = functools.partial(DeadlyPredictor, once=once, always=[deadly], mark=tmp_path / "died")
    engine = RayEngine(load=load, workers=(1, 2), images_per_task=4)
    reached = run_images(BrightPredictor(), inputs, tmp_path / "there", engine=engine)
    assert (tmp_path / "died").exists()
    assert (reached.done, reached.failed) == (COUNT, 2)
    errors = [json.loads(line) for line in (tmp_path / "there" / "errors.jsonl").read_text().splitlines()]
    assert [Path(error["image"]).name for error in errors] == [f"{n:03d}.png" for n in (BAD, deadly)]
    assert errors[1]["error"] == "3 worker processes died over this image."
    here, there = ((tmp_path / name / "journal.jsonl").read_bytes().splitlines() for name in ("here", "there"))
    assert [n for n in range(COUNT) if here[n] != there[n]] == [deadly]


def test_a_killed_run_goes_on_without_the_cluster(cluster, folder, tmp_path):
    inputs = open_inputs(str(folder))
    run_images(BrightPredictor(), inputs, tmp_path / "here")
    code = "import sys; from tests.runs.test_ray_engine import run_and_die; run_and_die(*sys.argv[1:])"
    died = subprocess.run([sys.executable, "-c", code, cluster, folder, tmp_path / "there"], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    seen = []
    run_images(BrightPredictor(), inputs, tmp_path / "there", progress=seen.append)
    assert seen[0].done == 3
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def run_and_die(address, folder, output):
    """A batch on a cluster whose calling process is killed after three images."""
    engine = RayEngine(load=bright_predictor, workers=(2, 2), images_per_task=2, address=address)
    run_images(
        BrightPredictor(),
        open_inputs(folder),
        Path(output),
        engine=engine,
        progress=lambda progress: progress.done == 3 and os.kill(os.getpid(), signal.SIGKILL),
    )


def bright_predictor(device):
    return BrightPredictor()


def killed(device):
    os.kill(os.getpid(), signal.SIGKILL)


def broken(device):
    raise CheckpointError("the weights are damaged")


def records(engine, count=2):
    items = [Item(n, n + 1, f"{n}.png", f"{n}.png", str(n)) for n in range(count)]
    return list(engine(items, sinks=[CocoPanopticSink()], read=as_it_is))


def test_what_a_worker_raises(cluster):
    with pytest.raises(CheckpointError, match=r"^the weights are damaged$"):
        records(RayEngine(load=broken))


def test_workers_that_die_while_they_load(cluster):
    with pytest.raises(DeviceError, match=r"^3 worker processes died while they loaded the model\. Is memory short\?$"):
        records(RayEngine(load=killed))


def test_ray_gets_no_more_than_a_window_at_once(cluster, monkeypatch):
    windows = []
    monkeypatch.setattr(ray_engine, "WINDOW", 3)
    monkeypatch.setattr(RayEngine, "_records", lambda self, items, sinks, read: windows.append(len(items)) or items)
    assert [item.index for item in records(RayEngine(load=bright_predictor), count=8)] == list(range(8))
    assert windows == [3, 3, 2]


@pytest.mark.parametrize(("more", "message"), [({"cpus": 3}, "3 CPUs, but Ray has 2"), ({"gpus": 0.5}, "0.5 GPUs")])
def test_no_room_for_a_worker(cluster, more, message):
    with pytest.raises(ConfigError, match=message):
        records(RayEngine(load=bright_predictor, **more))


def test_no_cluster(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(ConfigError, match=r"No Ray cluster answers at 'nowhere'"):
        records(RayEngine(load=bright_predictor, address="nowhere"))


def test_no_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'modelscope_swinpan\[ray\]'"):
        RayEngine(load=bright_predictor)
