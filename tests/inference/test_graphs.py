"""What is remembered, without a GPU: captures are counted, not made. tests/gpu replays real ones."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from modelscope_swinpan.inference import graphs
from modelscope_swinpan.structures import Mask2FormerOutput


class CountedGraph:
    captured: ClassVar[list[tuple[int, ...]]]
    pools: ClassVar[list[object]]
    running = 0

    def __init__(self, model, pixel_values, pool, stream):
        self.captured.append(tuple(pixel_values.shape))
        self.pools.append(pool)
        self.pool = object() if pool is None else pool
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
    monkeypatch.setattr(torch.cuda, "Stream", lambda priority: quiet)
    monkeypatch.setattr(torch.cuda, "Event", lambda: quiet)
    monkeypatch.setattr(graphs, "Graph", CountedGraph)
    for name in ("captured", "pools"):
        monkeypatch.setattr(CountedGraph, name, [], raising=False)
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


def test_the_next_replay_waits_for_one_without_memory_for_its_output(model, captured, monkeypatch):
    """It may come from another stream, and the graph runs."""
    told = []

    def replay(*_):
        told.append("replay")
        raise torch.OutOfMemoryError

    stream = SimpleNamespace(wait_event=lambda _: None, record=lambda: told.append("record"))
    monkeypatch.setattr(torch.cuda, "Event", lambda: stream)
    monkeypatch.setattr(CountedGraph, "replay", replay)
    with pytest.raises(torch.OutOfMemoryError):
        graphs.ReplayedModel(model)(torch.rand(1, 3, 2, 2))
    assert told == ["replay", "record"]


def test_graphs_share_the_memory_of_one_that_lives(model, captured, monkeypatch):
    """The memory of graphs that are all gone is gone: PyTorch refuses its handle."""
    monkeypatch.setattr(graphs, "SHAPES", 1)
    replayed = graphs.ReplayedModel(model)
    for size in (1, 2, 3):
        replayed(torch.rand(1, 3, size, size))
    first, *others = CountedGraph.pools
    assert first is None
    assert others[0] is others[1] is not None
    model.bfloat16()
    replayed(torch.rand(1, 3, 1, 1))
    assert CountedGraph.pools[-1] is None


@pytest.fixture
def events(monkeypatch):
    """What a capture does, in order. Its stream is one of the model's own GPU."""
    told = []

    @contextmanager
    def block(name):
        told.append(name)
        try:
            yield
        finally:
            told.append(f"end of {name}")

    class Recorded:
        def pool(self):
            return "pool"

        def replay(self):
            told.append("replay")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recorded)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "caller's")
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: block("stream"))
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, **options: block(f"capture on {options['stream'].name}"))
    return told


def test_a_capture_and_its_warm_ups_are_on_one_stream(events):
    stream = SimpleNamespace(name="own", wait_stream=lambda other: events.append(f"wait for {other}"))
    outputs = []

    def model(pixel_values):
        events.append("model")
        outputs.append(Mask2FormerOutput(pixel_values.clone(), pixel_values.clone()))
        return outputs[-1]

    graph = graphs.Graph(model, torch.zeros(1), None, stream)
    warm_ups = ["model"] * graphs.WARM_UPS
    captured = ["capture on own", "model", "end of capture on own"]
    assert events == ["wait for caller's", "stream", *warm_ups, *captured, "end of stream"]
    answer = graph.replay(torch.ones(1))
    assert events[-1] == "replay"
    assert graph._input.item() == 1
    for logits in outputs[-1][:2]:
        logits.fill_(7)  # the next replay
    assert answer.class_logits.item() == answer.mask_logits.item() == 0


def test_a_capture_that_fails_leaves_the_callers_stream(events):
    """PyTorch's own context does not, where the end of the capture fails too."""
    stream = SimpleNamespace(name="own", wait_stream=lambda other: None)

    def model(_):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        graphs.Graph(model, torch.zeros(1), None, stream)
    assert events[-1] == "end of stream"
