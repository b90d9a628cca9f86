import math
import warnings

import pytest
import torch
from safetensors.torch import save_file

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints import finite
from modelscope_swinpan.checkpoints.finite import find_not_finite, not_finite
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.checkpoints.load import read_weights
from modelscope_swinpan.errors import CheckpointError, ConfigError
from tests.builders import random_model

KEY = "transformer_decoder.layers.1.norm2.bias"


def saved(directory, value, form="native"):
    model = random_model()
    with torch.no_grad():
        dict(model.named_parameters())[KEY][3] = value
    save_pretrained(model, directory, form=form)
    return directory


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
def test_the_tensor_is_named(tmp_path, value, form):
    directory = saved(tmp_path, value, form)
    with pytest.raises(CheckpointError, match=r"1 of \d+ weights hold NaN or infinite numbers \(.*layers\.1.*bias\)"):
        load_model(directory)
    (damaged,) = inspect_checkpoint(directory).not_finite
    assert damaged.endswith("bias")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_numbers_of_every_format(dtype):
    large = torch.full((3000,), torch.finfo(dtype).max, dtype=dtype)  # their sum is not finite
    one = torch.zeros(2, 3000, dtype=dtype)
    one[1, 2999] = math.nan
    both = torch.tensor([math.inf, -math.inf], dtype=dtype)
    tensors = {
        "large": large,
        "one": one,
        "both": both,
        "empty": torch.empty(0, dtype=dtype),
        "int": torch.ones(2).int(),
    }
    assert find_not_finite(tensors) == ["one", "both"]


def test_a_file_is_read_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(finite, "find_not_finite", lambda tensors: calls.append(1) or find_not_finite(tensors))
    directory = saved(tmp_path, 1.0)
    load_model(directory)
    load_model(directory)
    assert len(calls) == 1
    saved(tmp_path, math.nan)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="NaN"):
            load_model(directory)
    assert len(calls) == 2


def test_what_is_remembered_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(finite, "MAX_KNOWN", 2)
    monkeypatch.setattr(finite, "_known", {})
    tensors = random_model().state_dict()
    for index in range(4):
        save_file(tensors, tmp_path / f"{index}.safetensors")
        file, weights, _ = read_weights(tmp_path / f"{index}.safetensors")
        not_finite(file, weights)
    assert [identity[1][0][-13:] for identity in finite._known] == ["2.safetensors", "3.safetensors"]


def test_float16_ends_early(tmp_path):
    directory = saved(tmp_path, 1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(directory)
        load_model(directory, dtype="bfloat16")
    with pytest.raises(ConfigError, match=rf"float16 ends at 65504, but 1 weights .* are larger \({KEY}\)"):
        load_model(directory, dtype="float16")
