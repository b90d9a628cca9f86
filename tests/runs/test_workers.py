"""Processes that answer tasks; what becomes of them and of their images is tested with the engine and the server."""

import shutil
import threading
from pathlib import Path

import pytest

from modelscope_swinpan.runs import workers
from modelscope_swinpan.runs.workers import start


def answer(task):
    if task < 0:
        raise ValueError(f"no {task}")
    return task + 1


def test_answers_come_in_order_and_errors_are_answers():
    (worker,) = start(answer, 1)
    for task in (1, -2, 3):
        worker.send(task)
    received = [worker.receive() for _ in range(3)]
    assert [task for task, _ in received] == [1, -2, 3]
    assert (received[0][1], received[2][1]) == (2, 4)
    assert isinstance(received[1][1], ValueError)
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
        assert [worker.receive()[1] == large for _ in range(3)] == [True] * 3
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
    monkeypatch.setattr(workers.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setattr(workers.atexit, "register", lambda *given, **options: later.append((given, options)))
    start(answer, 1)
    assert (tmp_path / "job").exists()
    ((given, options),) = later
    assert (given[1], options) == (tmp_path, {"ignore_errors": True})
