"""Our own form tells everything, and gives way to a configuration."""

import dataclasses
import json

import pytest
from safetensors.torch import save_file

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints.dialects import native
from modelscope_swinpan.errors import CheckpointError
from tests.builders import SMALL, random_model
from tests.checkpoints.files.test_io import mapped_file
from tests.checkpoints.test_save import CUSTOM


def test_a_bare_file_tells_everything(tmp_path, recwarn):
    save_pretrained(random_model(CUSTOM), tmp_path, weights="any name.safetensors")
    assert load_model(tmp_path / "any name.safetensors").config == CUSTOM
    assert not recwarn


def test_the_configuration_has_the_last_word(tmp_path):
    save_pretrained(random_model(), tmp_path)
    path = tmp_path / "configuration.json"
    configuration = json.loads(path.read_text())
    configuration["preprocessor"] = {"short_side": 123}
    configuration["model"] = {"postprocess": {"overlap_threshold": 0.1}}
    path.write_text(json.dumps(configuration))
    config = load_model(tmp_path).config
    assert config.preprocess == dataclasses.replace(SMALL.preprocess, short_side=123)
    assert config.postprocess == dataclasses.replace(SMALL.postprocess, overlap_threshold=0.1)
    assert config.categories == SMALL.categories


def test_weights_are_mapped(tmp_path):
    save_pretrained(random_model(), tmp_path)
    weight = load_model(tmp_path).backbone.stages[0].blocks[0].attn.qkv.weight
    assert mapped_file(weight) == str(tmp_path / "model.safetensors")


@pytest.mark.parametrize("text", ["{", "[]", '{"model": 1}', "[" * 100_000])
def test_a_damaged_description(tmp_path, text):
    save_file(random_model().state_dict(), tmp_path / "a.safetensors", {"modelscope_swinpan": text})
    with pytest.raises(CheckpointError, match="description in its header"):
        load_model(tmp_path / "a.safetensors")


def test_a_long_description_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "MAX_CHARACTERS", 1000)
    save_pretrained(random_model(), tmp_path, weights="a.safetensors")
    with pytest.raises(CheckpointError, match=r"description in its header is damaged .*larger than"):
        load_model(tmp_path / "a.safetensors")
