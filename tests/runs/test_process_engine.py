"""Several processes on this machine: the same files as one, whoever dies."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import ConfigError, DeviceError
from modelscope_swinpan.runs import process_engine
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.process_engine import ProcessEngine
from modelscope_swinpan.runs.registry import Job, build_engine
from modelscope_swinpan.runs.run import run_images
from tests.conftest import EMBEDDED, ROOT
from tests.full_disk import full_disk
from tests.runs.fakes import BrightPredictor, DeadlyPredictor, contents, photos, small_model

COUNT, BAD = 19, 4


@pytest.fixture
def folder(tmp_path):
    return photos(tmp_path / "photos", COUNT, BAD)


def workers_of(process):
    return [child for child in psutil.Process(process).children() if "spawn_main" in " ".join(child.cmdline())]


def test_the_same_files_as_one_process(folder, tmp_path):
    predictor, inputs = PanopticPredictor(small_model()), open_inputs(str(folder))
    run_images(predictor, inputs, tmp_path / "one", sinks=["coco", "rle"])
    engine = ProcessEngine(predictor=predictor, workers=2)
    stopped = run_images(predictor, inputs, tmp_path / "two", sinks=["coco", "rle"], engine=engine, limit=7)
    reached = run_images(predictor, inputs, tmp_path / "two", sinks=["coco", "rle"], engine=engine)
    assert (stopped.done, reached.done, reached.failed) == (7, COUNT, 1)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.parametrize("asked", [None, 2])
def test_no_room_for_what_processes_share(asked, folder, tmp_path, monkeypatch):
    """One process does the work unless several were asked for."""
    monkeypatch.setattr(process_engine, "MANY", 2)
    monkeypatch.setattr(process_engine, "best_number", lambda: 2)
    predictor, inputs = PanopticPredictor(small_model()), open_inputs(str(folder))
    run_images(predictor, inputs, tmp_path / "one", sinks=["rle"])
    engine = ProcessEngine(predictor=predictor, workers=asked)
    largest = 10**5  # bytes: less than the weights
    if asked:
        with full_disk(largest), pytest.raises(DeviceError, match="Set TMPDIR"):
            run_images(predictor, inputs, tmp_path / "two", sinks=["rle"], engine=engine)
        assert not (tmp_path / "two").exists()
        return
    with full_disk(largest), pytest.warns(UserWarning, match="This process segments the images alone.*Set TMPDIR"):
        run_images(predictor, inputs, tmp_path / "two", sinks=["rle"], engine=engine)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_images_that_kill(tmp_path):
    """One kills a process once, another one every process: it alone has no result."""
    folder = photos(tmp_path / "photos", COUNT)
    predictor = DeadlyPredictor(always=[6], once=11, mark=tmp_path / "mark")
    inputs = open_inputs(str(folder))
    reached = run_images(
        predictor, inputs, tmp_path / "out", sinks=["rle"], engine=ProcessEngine(predictor=predictor, workers=2)
    )
    assert (reached.done, reached.failed) == (COUNT, 1)
    (error,) = (tmp_path / "out" / "errors.jsonl").read_text().splitlines()
    assert "006.png" in error
    assert "3 worker processes died over this image" in error


class Careless(BrightPredictor):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def answer(self, batch):
        raise self.error


@pytest.mark.parametrize("error", [DeviceError("out of memory"), RuntimeError("a mistake of a class of your own")])
def test_an_error_of_a_process_ends_the_run(folder, tmp_path, error):
    predictor = Careless(error)
    engine = ProcessEngine(predictor=predictor, workers=2)
    with pytest.raises(type(error), match=str(error)):
        run_images(predictor, open_inputs(str(folder)), tmp_path / "out", engine=engine)
    assert not workers_of(os.getpid())


class Unloadable(BrightPredictor):
    def __setstate__(self, state):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_cannot_start(folder, tmp_path):
    engine = ProcessEngine(predictor=Unloadable(), workers=2)
    with pytest.raises(
        DeviceError, match=r"ended while it loaded the model \(exit status -9\)\. Ask for fewer workers"
    ):
        run_images(BrightPredictor(), open_inputs(str(folder)), tmp_path / "out", engine=engine)


class LoadedTwice(DeadlyPredictor):
    """Dies in every process that loads it but the first two."""

    def __setstate__(self, state):
        self.__dict__.update(state)
        loaded = self._mark.parent / "loaded"
        loaded.mkdir(exist_ok=True)
        (loaded / str(os.getpid())).touch()
        if len([*loaded.iterdir()]) > 2:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_replacement_that_cannot_start(tmp_path):
    """The processes that are left do the work; without one, the run ends and goes on later."""
    inputs, sound = open_inputs(str(photos(tmp_path / "photos", COUNT))), BrightPredictor()
    run_images(sound, inputs, tmp_path / "one", sinks=["rle"])
    predictor = LoadedTwice(once=6, always=[], mark=tmp_path / "a" / "mark")
    (tmp_path / "a").mkdir()
    engine = ProcessEngine(predictor=predictor, workers=2)
    with pytest.warns(UserWarning, match="died and could not be replaced: 1 of 2 go on.*exit status -9"):
        run_images(sound, inputs, tmp_path / "two", sinks=["rle"], engine=engine)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")

    (tmp_path / "b").mkdir()
    engine = ProcessEngine(predictor=LoadedTwice(once=0, always=[6], mark=tmp_path / "b" / "mark"), workers=2)
    with (
        pytest.warns(UserWarning, match="1 of 2"),
        pytest.raises(DeviceError, match=r"ended while it loaded the model \(exit status -9\)"),
    ):
        run_images(sound, inputs, tmp_path / "three", sinks=["rle"], engine=engine)
    assert not workers_of(os.getpid())
    run_images(sound, inputs, tmp_path / "three", sinks=["rle"])
    assert contents(tmp_path / "three") == contents(tmp_path / "one")


def test_how_many_by_default(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    for free, number in ((100, 8), (9, 4), (1, 1)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: type("", (), {"available": free * 2**30}))
        assert process_engine.best_number() == number


@pytest.mark.parametrize(("images", "many", "started"), [(5, 6, False), (6, 6, True)])
def test_few_images_stay_in_this_process(tmp_path, monkeypatch, images, many, started):
    monkeypatch.setattr(process_engine, "MANY", many)
    monkeypatch.setattr(process_engine, "best_number", lambda: 2)
    seen = []
    real = process_engine.Crew
    monkeypatch.setattr(process_engine, "Crew", lambda *given: seen.append(given) or real(*given))
    inputs = open_inputs(str(photos(tmp_path / "photos", images)))
    run_images(BrightPredictor(), inputs, tmp_path / "out", engine=ProcessEngine(predictor=BrightPredictor()))
    assert bool(seen) == started


def test_the_command_line_takes_a_number(folder, tmp_path):
    for name, workers in (("one", "1"), ("two", "2")):
        command = ["batch", str(folder), "--model", str(EMBEDDED), "--output", str(tmp_path / name)]
        answer = CliRunner().invoke(app, [*command, "--workers", workers])
        assert answer.exit_code == 1, answer.output  # one image is none
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"workers": (1, 2)}, "--workers 1:2 is for --engine ray"), ({"gpus": 1.0}, "are for --engine ray")],
)
def test_what_is_not_for_this_machine(options, message):
    with pytest.raises(ConfigError, match=message):
        build_engine("local", Job(load=lambda device: BrightPredictor(), **options))


def test_processes_are_for_cpus():
    class OnGpu(BrightPredictor):
        device = "cuda"

    with pytest.raises(ConfigError, match="--workers 2 is for CPUs; cuda has one process"):
        build_engine("local", Job(load=lambda device: OnGpu(), workers=(2, 2)))
    assert build_engine("local", Job(load=lambda device: OnGpu())).predictor.device == "cuda"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_when_the_first_one_is_stopped(tmp_path, stop):
    folder = photos(tmp_path / "photos", 250)
    code = """import signal
from modelscope_swinpan.cli import main
if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.default_int_handler)  # work in the background ignores it
    main()"""
    command = [sys.executable, "-c", code, "batch", str(folder), "--workers", "2"]
    command += ["--model", str(EMBEDDED), "--output", str(tmp_path / "out")]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        journal = tmp_path / "out" / "journal.jsonl"
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.1)
        workers = workers_of(run.pid)
        assert journal.stat().st_size
        assert not list(temporary.rglob("job*"))  # the model's file is gone once all have it
        assert len(workers) == 2
        run.send_signal(stop)
        run.wait(60)
    _, alive = psutil.wait_procs(workers, 60)
    assert not alive
