"""The model that a run starts from."""

import hashlib

import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.training.start import starting_model
from tests.builders import random_model


def test_the_file_stays_as_it_is(tmp_path):
    save_pretrained(random_model(), tmp_path)
    file = tmp_path / "model.safetensors"
    before = hashlib.sha256(file.read_bytes()).digest()
    model, change = starting_model(load_model(tmp_path), COCO_PANOPTIC)
    assert change is None
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert hashlib.sha256(file.read_bytes()).digest() == before


def test_half_precision_is_trained_in_full_and_classes_change(tmp_path):
    save_pretrained(random_model().half(), tmp_path)
    (model, change), (again, _) = (starting_model(load_model(tmp_path), COCO_PANOPTIC[4:6], seed=3) for _ in range(2))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert change.kept == ("airplane", "bus")
    head, same = model.transformer_decoder.class_head, again.transformer_decoder.class_head
    assert torch.equal(head.weight, same.weight)
