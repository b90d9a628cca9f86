"""Several processes answer requests, whoever dies."""

import json
import os

import pytest
import torch

from modelscope_swinpan.errors import DeviceError
from modelscope_swinpan.serving.processes import Processes
from modelscope_swinpan.serving.segmenter import Segmenter, UnexpectedError
from tests.runs.fakes import BrightPredictor, DeadlyPredictor
from tests.runs.test_process_engine import Unloadable, workers_of

from .calls import ask, call, expected


def test_a_request_whose_process_dies_is_answered(tmp_path):
    """One image kills a process once, another one every process: it alone has no answer, and the rest stay alive."""
    once, deadly = 2, 5
    predictor = DeadlyPredictor(once=once, always=[deadly], mark=tmp_path / "died")
    processes = Processes(Segmenter(predictor), 2)
    assert len(workers_of(os.getpid())) == 2
    answers = ask(processes, map(call, range(8)))
    assert (tmp_path / "died").exists()
    assert isinstance(answers[deadly], UnexpectedError)
    assert str(answers[deadly]) == "3 worker processes died over this image."
    for number in {*range(8)} - {deadly}:
        assert json.loads(answers[number]) == expected(number)
    assert json.loads(ask(processes, [call(1)])[0]) == expected(1)
    assert len(workers_of(os.getpid())) == 2
    processes.close()
    assert not workers_of(os.getpid())


class Threads(BrightPredictor):
    """Answers with the number of threads it has, as the area of a segment would be."""

    def answer(self, batch):
        raise DeviceError(f"{torch.get_num_threads()} threads")


def test_a_lone_request_has_all_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    processes = Processes(Segmenter(Threads()), 2)
    try:
        assert [str(answer) for answer in ask(processes, [call(1)])] == ["3 threads"]
        several = {str(answer) for answer in ask(processes, [call(1)] * 12)}
        assert "1 threads" in several
        assert [str(answer) for answer in ask(processes, [call(1)])] == ["3 threads"]
    finally:
        processes.close()


def test_a_process_that_cannot_start():
    with pytest.raises(DeviceError, match="ended while it loaded the model"):
        Processes(Segmenter(Unloadable()), 1)
