"""What Apple's GPUs lack is not asked of them. Nobody has run this package on one: a stand-in on the CPU watches."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch.overrides import TorchFunctionMode

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.inference import bands, fusion, queries, regions
from modelscope_swinpan.kernels import dispatch

MAKES = ("arange", "empty", "eye", "full", "linspace", "ones", "rand", "randn", "tensor", "zeros", "from_numpy")
LEAVES = ("cpu", "item", "numpy", "tolist", "__bool__", "__int__", "__float__")
WRONG = ("grid_sample", "grid_sampler", "grid_sampler_2d")


def on_device(tensor):
    return getattr(tensor, "on_device", False)


class StandIn(TorchFunctionMode):
    """Marks tensors that would be on the GPU. Raises where they are float64, meet others, or grid_sample is called.

    A tensor is on the GPU if it was made or moved with ``device=`` a device, or comes of one that is.
    """

    calls = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        given = [x for x in torch.utils._pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        there = any(map(on_device, given))
        moved = name == "to" and any(isinstance(x, torch.device) for x in (*args, *kwargs.values()))
        fetched = name in LEAVES or (name == "to" and "cpu" in args)
        if there and not moved and not fetched:
            self.calls += 1
            assert name not in WRONG, f"{name} is wrong on Apple's GPUs"
            others = [x for x in given if x.dim() and not on_device(x)]
            assert not others, f"{name} mixes the GPU's tensors with the CPU's"
        result = func(*args, **kwargs)
        stays = moved or (name in MAKES and kwargs.get("device") is not None) or (there and not fetched)
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and stays:
                assert tensor.dtype != torch.float64, f"{name} makes float64"
                tensor.on_device = True
        return result


@pytest.fixture
def stand_in(monkeypatch):
    for module in (bands, queries):
        monkeypatch.setattr(module, "on_gpu", lambda device: True)
    for module in (fusion, regions):
        monkeypatch.setattr(module, "widest_float", lambda device: torch.float32)
    monkeypatch.setattr(dispatch, "on_cpu", lambda *_: False)
    monkeypatch.setattr(dispatch, "is_traced", lambda: True)  # plain twins, and no cache, which knows no marks
    with dispatch.without_grid_sample():
        yield StandIn()


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_the_same_segments(quick_model, chelsea, stand_in, task):
    expected = PanopticPredictor(quick_model, task=task).predict([chelsea])[0]
    model = copy.deepcopy(quick_model)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.on_device = True
    with stand_in:
        found = PanopticPredictor(model, task=task).predict([chelsea])[0]
    assert stand_in.calls > 1000
    assert [s.label for s in found.segments] == [s.label for s in expected.segments]
    assert [s.score for s in found.segments] == pytest.approx([s.score for s in expected.segments], abs=1e-4)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda x: x.double(), "makes float64"),
        (lambda x: x[torch.arange(2)], "mixes the GPU's tensors with the CPU's"),
        (lambda x: torch.nn.functional.grid_sample(x[None, None], x[None, :, :2, None].expand(1, 3, 2, 2)), "is wrong"),
    ],
)
def test_the_stand_in_watches(stand_in, mistake, message):
    with stand_in, torch.inference_mode():
        x = torch.zeros(3, 3).to(torch.device("cpu"))
        with pytest.raises(AssertionError, match=message):
            mistake(x)


def test_on_apples_gpus():
    mps, cpu = torch.device("mps"), torch.device("cpu")
    assert dispatch.widest_float(mps) == torch.float32
    assert dispatch.widest_float(cpu) == torch.float64
    assert dispatch.avoids_grid_sample(mps)
    assert not dispatch.avoids_grid_sample(cpu)
    assert (dispatch.on_gpu(mps), dispatch.on_cuda(mps), dispatch.on_gpu(cpu)) == (True, False, False)


@pytest.mark.parametrize(("has_fp64", "dtype"), [(True, torch.float64), (False, torch.float32)])
def test_some_of_intels_gpus_lack_float64_too(monkeypatch, has_fp64, dtype):
    told = SimpleNamespace(has_fp64=has_fp64)
    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda device: told if device.index == 1 else None)
    assert dispatch.widest_float(torch.device("xpu", 1)) == dtype
