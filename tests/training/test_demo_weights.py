"""The training of the small model that the package brings along."""

import copy
import dataclasses

import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.training.demo_weights import TRAINING, demo_run

SHORT = dataclasses.replace(TRAINING, steps=1, batch_size=1, workers=0)


def test_it_fits_into_the_repository_and_one_step_works(tmp_path):
    run = demo_run(tmp_path, SHORT)
    trained = run.train()
    save_pretrained(copy.deepcopy(trained).half(), tmp_path / "half")
    assert (tmp_path / "half" / "model.safetensors").stat().st_size <= 8e6
    assert {parameter.dtype for parameter in trained.parameters()} == {torch.float32}
    loaded = load_model(tmp_path / "half")
    assert loaded.config == trained.config
    for name, tensor in loaded.state_dict().items():
        assert torch.allclose(tensor, trained.state_dict()[name], rtol=1e-3, atol=1e-6)


def test_it_starts_from_the_same_weights_every_time(tmp_path):
    first, second = (demo_run(tmp_path / name, SHORT).model.state_dict() for name in ("1", "2"))
    assert all(torch.equal(first[name], second[name]) for name in first)
