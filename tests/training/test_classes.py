"""New lists of classes."""

import dataclasses
import hashlib

import pytest
import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.training.classes import change_classes, starting_model
from tests.builders import random_model

CAR, PERSON = COCO_PANOPTIC[2], COCO_PANOPTIC[0]
ZEPPELIN = Category(7, "zeppelin", True, (1, 2, 3))


def test_classes_known_by_name_keep_their_rows(tmp_path):
    model, old = random_model(), random_model().transformer_decoder.class_head
    # Another id and colour make no other class.
    change = change_classes(model, [dataclasses.replace(CAR, id=90), ZEPPELIN, PERSON])
    head = model.transformer_decoder.class_head
    assert head.weight.shape == (4, old.in_features)
    for row, old_row in ((0, 2), (2, 0), (3, 133)):
        assert torch.equal(head.weight[row], old.weight[old_row])
        assert head.bias[row] == old.bias[old_row]
    assert head.weight.requires_grad
    assert 0 < head.weight[1].abs().max() < 1
    assert change.startswith("Classes: 2 kept: car, person; 1 new: zeppelin; 131 dropped: bicycle, ")
    save_pretrained(model, tmp_path)
    assert [category.name for category in load_model(tmp_path).config.categories] == ["car", "zeppelin", "person"]


def test_the_same_classes_change_nothing():
    model, twin = random_model(), random_model()
    change = change_classes(model, COCO_PANOPTIC)
    assert torch.equal(model.transformer_decoder.class_head.weight, twin.transformer_decoder.class_head.weight)
    assert change.endswith("; 0 new; 0 dropped.")


@pytest.mark.parametrize(
    ("categories", "message"), [([], "at least one class"), ([CAR, PERSON, CAR], "'car' is listed more than once")]
)
def test_lists_that_cannot_be(categories, message):
    with pytest.raises(ConfigError, match=message):
        change_classes(random_model(), categories)


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
    assert change.startswith("Classes: 2 kept: airplane, bus; 0 new; 131 dropped: ")
    head, same = model.transformer_decoder.class_head, again.transformer_decoder.class_head
    assert torch.equal(head.weight, same.weight)
