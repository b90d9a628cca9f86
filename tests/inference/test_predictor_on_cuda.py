"""Predictors on a stand-in for the second of two CUDA GPUs. tests/gpu runs them on a real one."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from modelscope_swinpan import PanopticPredictor, TiledPredictor
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.inference import graphs as inference_graphs
from modelscope_swinpan.inference.streaming import stream
from tests.builders import random_model
from tests.cuda_stand_in import NONE_REAL, OTHER_GPU, graphs, stand_in

pytestmark = NONE_REAL
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture
def model(quick_model):
    model = copy.deepcopy(quick_model)
    model.config = dataclasses.replace(model.config, preprocess=PreprocessConfig(short_side=64, long_side=96))
    return model


@pytest.fixture
def photos(chelsea):
    small = chelsea[::4, ::4]
    return [np.ascontiguousarray(photo) for photo in (small, small[:, ::-1], small[::-1])]


@pytest.mark.parametrize(
    ("dtype", "batch_size", "same"),
    [(torch.float32, 1, 0.999), (torch.float32, 3, 0.999), (torch.bfloat16, 3, 0.95), (torch.float16, 1, 0.99)],
)
def test_a_stream_is_segmented_as_on_the_cpu(model, photos, dtype, batch_size, same):
    expected = list(stream(PanopticPredictor(model), photos))
    with stand_in():
        predictor = PanopticPredictor(model.to(OTHER_GPU, dtype), batch_size=batch_size)
        found = list(stream(predictor, photos))
    for one, other in zip(found, expected, strict=True):
        assert (one.panoptic_seg == other.panoptic_seg).mean() >= same


@pytest.mark.parametrize("task", ["instance", "semantic"])
def test_other_tasks(model, photos, task):
    expected = PanopticPredictor(model, task=task).predict(photos)
    with stand_in():
        found = PanopticPredictor(model.to(OTHER_GPU), task=task, batch_size=3).predict(photos)
    for one, other in zip(found, expected, strict=True):
        assert [s.label for s in one.segments] == [s.label for s in other.segments]


def test_tiles_with_instances(model, photos):
    options = {"batch_size": 2, "instances": True}
    expected = TiledPredictor(PanopticPredictor(model, **options), side=64).predict(photos[:1])[0]
    with stand_in():
        found = TiledPredictor(PanopticPredictor(model.to(OTHER_GPU), **options), side=64).predict(photos[:1])[0]
    assert (found.panoptic_seg == expected.panoptic_seg).mean() >= 0.999
    assert len(found.instances.segments) == len(expected.instances.segments)


@pytest.mark.parametrize("device", [torch.device("cpu"), OTHER_GPU])
def test_the_default_device_does_not_matter(model, photos, device):
    """As after ``torch.set_default_device``, which some programs call with 'cuda'."""
    narrow = [photo[:, :60] for photo in photos]  # a size of its own: nothing is cached yet
    with stand_in():
        moved = copy.deepcopy(model).to(device)
        with torch.device("meta"):
            found = PanopticPredictor(moved, instances=True).predict(narrow)
    expected = PanopticPredictor(model).predict(narrow)
    for one, other in zip(found, expected, strict=True):
        assert (one.panoptic_seg == other.panoptic_seg).mean() >= 0.999


@pytest.mark.parametrize("dtype", DTYPES)
def test_graphs_replay_what_the_model_does(dtype, monkeypatch):
    """They take no tensor of the CPU, wait for nothing, and depend on nothing that one replay leaves to the next."""
    monkeypatch.setattr(inference_graphs, "WARM_UPS", 1)
    inputs = [torch.randn(shape) for shape in [(1, 3, 64, 96), (3, 3, 64, 32), (1, 3, 64, 96)]]
    with stand_in() as mode, graphs(mode), torch.inference_mode():
        model = random_model().to(OTHER_GPU, dtype)
        replayed = inference_graphs.ReplayedModel(model)
        answers = [replayed(pixel_values) for pixel_values in inputs]
        for pixel_values, answer in zip(inputs, answers, strict=True):
            expected = model(pixel_values.to(OTHER_GPU))
            for one, other in zip(answer[:2], expected[:2], strict=True):
                assert one.device == OTHER_GPU
                assert torch.equal(one.near, other.near)
