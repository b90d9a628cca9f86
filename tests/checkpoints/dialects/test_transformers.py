"""What the transformers package writes, and what it reads of ours."""

import json

import pytest
import torch
from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints.classes import Classes
from modelscope_swinpan.checkpoints.dialects.transformers import NAME, read_config
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.backbones.swin import SWIN
from tests.builders import SMALL_RESNET, random_model
from tests.checkpoints.files.test_safetensors import read
from tests.checkpoints.test_save import CUSTOM, same
from tests.conftest import relative_error

FIXED = SWIN.keys[NAME].fixed


@pytest.fixture
def config(tmp_path):
    def write(**content):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "mask2former", **content}))
        return tmp_path

    return write


def test_nothing_there(tmp_path):
    assert read_config(tmp_path, FIXED) == (Classes(), {})


def test_names_and_heads(config):
    found = read_config(config(id2label={"1": "b", "0": " a"}, num_attention_heads=4), FIXED)
    assert found == (Classes(("a", "b")), {"architecture": {"num_heads": 4}})
    found = read_config(config(id2label={"0": "LABEL_0", "1": "LABEL_1"}), FIXED)
    assert found == (Classes(), {"architecture": {"num_heads": 8}})


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ({"model_type": "maskformer"}, CheckpointError, "expected model_type 'mask2former'; found 'maskformer'"),
        ({"pre_norm": True}, CheckpointError, "pre_norm True is not supported; only False is"),
        ({"activation_function": "gelu"}, CheckpointError, "activation_function 'gelu' is not supported"),
        ({"backbone_config": {"hidden_act": "relu"}}, CheckpointError, "hidden_act 'relu' is not supported"),
        ({"backbone_config": [1]}, ConfigError, "backbone_config must be an object"),
        ({"num_attention_heads": "8"}, ConfigError, "num_attention_heads must be a positive int"),
        ({"id2label": ["a"]}, ConfigError, "id2label must be an object of names"),
        ({"id2label": {"0": 1}}, ConfigError, "id2label must be an object of names"),
        ({"id2label": {"0": "a", "2": "b"}}, ConfigError, "must name the labels 0 … 1, each once"),
    ],
)
def test_mistakes(config, content, error, message):
    with pytest.raises(error, match=message):
        read_config(config(**content), FIXED)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("transformers")
    save_pretrained(random_model(CUSTOM), directory, form="transformers")
    return directory


def test_same_logits(directory):
    theirs, report = Mask2FormerForUniversalSegmentation.from_pretrained(directory, output_loading_info=True)
    assert not any(report.values()), report
    assert theirs.config.id2label == {0: CUSTOM.categories[0].name, 1: "größer"}
    pixel_values = torch.randn((1, 3, 192, 224), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs.eval()(pixel_values)
        found = random_model(CUSTOM)(pixel_values)
    assert relative_error(found.class_logits, expected.class_queries_logits) < 1e-5
    assert relative_error(found.mask_logits, expected.masks_queries_logits) < 1e-5


def test_what_they_write_is_what_we_write(directory, tmp_path):
    Mask2FormerForUniversalSegmentation.from_pretrained(directory).save_pretrained(tmp_path)
    ours, theirs = (read(folder / "model.safetensors") for folder in (directory, tmp_path))
    assert same(dict(sorted(ours.items())), dict(sorted(theirs.items())))


def test_same_preprocessing(directory):
    processor = AutoImageProcessor.from_pretrained(directory)
    assert dict(processor.size) == {"shortest_edge": 480, "longest_edge": 640}
    assert [value * 255 for value in processor.image_mean] == pytest.approx(CUSTOM.preprocess.mean, rel=1e-5)


def test_without_our_configuration(directory, tmp_path):
    """As any program but ours would leave it."""
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((directory / name).read_bytes())
    with pytest.warns(UserWarning, match="tell things from stuff"):
        config = load_model(tmp_path).config
    assert [category.name for category in config.categories] == [category.name for category in CUSTOM.categories]
    assert config.preprocess == CUSTOM.preprocess


def test_a_resnet(tmp_path):
    with pytest.raises(CheckpointError, match="transformers' Mask2Former has a Swin Transformer backbone"):
        save_pretrained(random_model(SMALL_RESNET), tmp_path / "new", form="transformers")
    assert not (tmp_path / "new").exists()
