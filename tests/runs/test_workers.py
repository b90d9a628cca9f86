"""Processes that answer tasks; what becomes of them and of their images is tested with the engine and the server.

Their job and its tensors are in one mapped file.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.errors import DeviceError
from modelscope_swinpan.files import save_torch
from modelscope_swinpan.runs import workers
from modelscope_swinpan.runs.workers import load, start
from tests.conftest import ROOT
from tests.full_disk import full_disk
from tests.runs.fakes import pixels, small_model


def answer(task):
    if task < 0:
        raise ValueError(f"no {task}")
    return task + 1


def test_answers_come_in_order_and_errors_are_answers():
    (worker,) = start(answer, 1)
    for task in (1, -2, 3):
        worker.send(task)
    first, second, third = (worker.receive() for _ in range(3))
    assert (first, third) == (2, 4)
    assert isinstance(second, ValueError)
    worker.send(5)
    worker.kill()
    with pytest.raises((EOFError, OSError)):
        worker.receive()
    assert [*worker.tasks] == [5]
    worker.kill()  # twice does no harm


def test_neither_end_waits_for_the_other_with_more_than_a_pipe_holds():
    large = b"0" * 10**7
    (worker,) = start(bytes.upper, 1)
    worker.send(large)

    def send() -> None:
        for _ in range(2):
            worker.send(large)

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(20)
    stuck = sending.is_alive()
    if not stuck:
        assert [worker.receive() == large for _ in range(3)] == [True] * 3
    worker.kill()
    assert not stuck


def test_a_mapped_file_goes_in_the_end(monkeypatch, tmp_path):
    """On Windows, where the workers' file cannot be removed while they map it."""

    class Mapping:
        def __init__(self, job: Path) -> None:
            monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)

        def await_job(self) -> None:
            pass

    later = []
    monkeypatch.setattr(workers, "Worker", Mapping)
    monkeypatch.setattr(workers, "PROCESSES", tmp_path / "none")
    monkeypatch.setattr(workers.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setattr(workers.atexit, "register", lambda *given, **options: later.append((given, options)))
    start(answer, 1)
    assert (tmp_path / "job").exists()
    ((given, options),) = later
    assert (given[1], options) == (tmp_path, {"ignore_errors": True})


def test_no_file_is_left_where_names_are_needed(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "PROCESSES", tmp_path / "none")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (worker,) = start(answer, 1)
    worker.send(1)
    assert worker.receive() == 2
    worker.kill()
    assert not [*tmp_path.iterdir()]


class Slow:
    """A job that tells that it is being read, and is then not read to its end."""

    def __init__(self, mark):
        self.mark = mark

    def __setstate__(self, state):
        state["mark"].touch()
        time.sleep(60)


def test_an_interrupt_ends_no_worker(monkeypatch):
    """Ctrl-C in a terminal reaches them also while they start; they told it at length."""
    await_job = workers.Worker.await_job

    def interrupted(worker):
        os.kill(worker.process.pid, signal.SIGINT)
        await_job(worker)

    monkeypatch.setattr(workers.Worker, "await_job", interrupted)
    (worker,) = start(answer, 1)
    os.kill(worker.process.pid, signal.SIGINT)
    worker.send(1)
    assert worker.receive() == 2
    worker.kill()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="files without a name are Linux's")
def test_a_run_that_is_killed_while_workers_load_leaves_nothing(tmp_path):
    mark, folder = tmp_path / "mark", tmp_path / "temporary"
    folder.mkdir()
    code = f"from tests.runs.test_workers import Slow, start, Path; start(Slow(Path({str(mark)!r})), 1)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)})
    until = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    assert mark.exists()
    assert not [*folder.iterdir()]


def test_no_room_for_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with full_disk(), pytest.raises(DeviceError, match=rf"cannot be written in {tmp_path}: .*TMPDIR") as caught:
        start(Job(torch.ones(10**5)), 2)
    assert caught.value.__cause__ is None
    assert not [*tmp_path.iterdir()]


def test_no_folder_for_the_file(monkeypatch):
    def missing():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", missing)
    with pytest.raises(DeviceError, match=r"cannot be written: No usable temporary directory found"):
        start(answer, 2)


class Job:
    def __init__(self, tensor):
        self.tensor = tensor

    def __call__(self, task):
        return task


def test_no_more_processes():
    """As few open files as this process has: no pipe to another one can be made."""
    resource = pytest.importorskip("resource")
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = psutil.Process().children()
    with tempfile.TemporaryFile() as last:
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 24, former[1]))
    try:
        with pytest.raises(DeviceError, match=r"^Worker process \d+ of 20 cannot be started: .*Ask for fewer\.$"):
            start(answer, 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, former)
    left = [child for child in psutil.Process().children() if child not in before]
    assert not [child for child in left if "spawn_main" in " ".join(child.cmdline())]


def back(value, folder):
    save_torch(value, folder / "job")
    return load(folder / "job")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3),
        torch.arange(6.0).reshape(2, 3).T,
        torch.arange(48).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
        torch.arange(6.0)[1:5],
        torch.arange(6.0)[::2],
        torch.ones(1).expand(4),
        torch.tensor(3, dtype=torch.int64),
        torch.ones(5, dtype=torch.bfloat16),
        torch.tensor([True, False]),
        torch.ones(0, 3),
    ],
)
def test_tensors_come_back(tensor, tmp_path):
    found = back(tensor, tmp_path)
    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(found, tensor)
    assert found.stride() == tensor.stride()


def test_several_tensors_and_one_that_is_there_twice(tmp_path):
    tensor, other = torch.arange(5, dtype=torch.uint8), torch.arange(3.0)
    first, second, third = back([tensor, other, tensor], tmp_path)
    assert torch.equal(first, tensor)
    assert torch.equal(second, other)
    assert third is first


def test_numbers_lie_once_in_the_file_and_nobody_changes_them(tmp_path):
    weight = nn.Parameter(torch.ones(1000, 1000))
    save_torch({"weight": weight}, tmp_path / "job")
    assert 4_000_000 < (tmp_path / "job").stat().st_size < 4_010_000
    one, two = load(tmp_path / "job")["weight"], load(tmp_path / "job")["weight"]
    assert isinstance(one, nn.Parameter)
    with torch.no_grad():
        one.zero_()
    assert two.sum() == 1_000_000
    assert load(tmp_path / "job")["weight"].sum() == 1_000_000


def test_a_predictor_answers_alike(tmp_path):
    predictor = PanopticPredictor(small_model())
    ours, theirs = (one.predict([pixels(7)])[0] for one in (predictor, back(predictor, tmp_path)))
    assert np.array_equal(ours.panoptic_seg, theirs.panoptic_seg)
    assert [segment.score for segment in ours.segments] == [segment.score for segment in theirs.segments]


def test_a_full_disk(tmp_path):
    with full_disk(), pytest.raises(OSError, match=r"job'$"):
        save_torch(torch.ones(10**5), tmp_path / "job")
