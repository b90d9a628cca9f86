"""What is remembered, without a GPU: captures are counted, not made. tests/gpu replays real ones."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from modelscope_swinpan.inference import graphs
from modelscope_swinpan.structures import Mask2FormerOutput


class CountedGraph:
    captured: ClassVar[list[tuple[int, ...]]]
    running = 0

    def __init__(self, model, pixel_values, pool):
        self.captured.append(tuple(pixel_values.shape))
        self.model = model

    def replay(self, pixel_values):
        CountedGraph.running += 1
        assert CountedGraph.running == 1
        output = self.model(pixel_values)
        CountedGraph.running -= 1
        return output


@pytest.fixture
def model():
    model = torch.nn.Linear(1, 1)
    model.forward = lambda x: Mask2FormerOutput(x + 1, x - 1)
    return model


@pytest.fixture
def captured(monkeypatch):
    quiet = SimpleNamespace(wait_event=lambda _: None, record=lambda: None)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: quiet)
    monkeypatch.setattr(torch.cuda, "Event", lambda: quiet)
    monkeypatch.setattr(graphs, "Graph", CountedGraph)
    monkeypatch.setattr(CountedGraph, "captured", [], raising=False)
    return CountedGraph.captured


def test_one_capture_a_shape_and_the_oldest_goes_first(model, captured, monkeypatch):
    monkeypatch.setattr(graphs, "SHAPES", 2)
    replayed = graphs.ReplayedModel(model)
    for size in (1, 2, 1, 2, 1, 3, 1):  # 3 takes the place of 2
        values = torch.rand(1, 3, size, size)
        assert torch.equal(replayed(values).class_logits, values + 1)
    assert [shape[2] for shape in captured] == [1, 2, 3]
    replayed(torch.rand(1, 3, 2, 2))
    assert captured[-1] == (1, 3, 2, 2)


def test_weights_that_moved_are_captured_anew(model, captured):
    replayed = graphs.ReplayedModel(model)
    values = torch.rand(1, 3, 2, 2)
    replayed(values)
    with torch.no_grad():
        model.weight.add_(1)  # in place: the graph reads the new ones
    replayed(values)
    assert len(captured) == 1
    model.bfloat16()
    replayed(values)
    assert len(captured) == 2


def test_threads_take_turns(model, captured):
    replayed = graphs.ReplayedModel(model)
    values = [torch.rand(1, 3, 1 + index % 3, 64) for index in range(30)]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(replayed, values))
    assert all(torch.equal(output.mask_logits, value - 1) for output, value in zip(outputs, values, strict=True))
    assert len(captured) == 3
