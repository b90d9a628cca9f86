"""What the transformers package writes, and what it reads of ours."""

import json

import pytest
import torch
from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.checkpoints.classes import Classes
from modelscope_swinpan.checkpoints.dialects.transformers import NAME, read_config, read_preprocessor
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.backbones.swin import SWIN
from tests.builders import SMALL_RESNET, random_model
from tests.checkpoints.files.test_safetensors import read
from tests.checkpoints.test_save import CUSTOM, same
from tests.conftest import relative_error

FIXED = SWIN.keys[NAME].fixed

# As the package writes it, and as its version 4 wrote it for the hub's models.
PRESENT = {
    "do_normalize": True,
    "do_reduce_labels": False,
    "do_rescale": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "rescale_factor": 0.00392156862745098,
    "size": {"longest_edge": 1333, "shortest_edge": 800},
    "size_divisor": 32,
}
HUB = {
    **PRESENT,
    "image_mean": [0.48500001430511475, 0.4560000002384186, 0.4059999883174896],
    "image_std": [0.2290000021457672, 0.2239999920129776, 0.22499999403953552],
    "size": 800,
    "max_size": 1333,
    "size_divisibility": 32,
}


@pytest.fixture
def config(tmp_path):
    def write(**content):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "mask2former", **content}))
        return tmp_path

    return write


@pytest.fixture
def preprocessor(tmp_path):
    def write(content):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
        return tmp_path

    return write


def test_nothing_there(tmp_path):
    assert read_config(tmp_path, FIXED) == (Classes(), {})
    assert read_preprocessor(tmp_path) == (PreprocessConfig(), ())


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


@pytest.mark.parametrize("content", [PRESENT, HUB, {}])
def test_defaults_are_the_package_s(preprocessor, content):
    assert read_preprocessor(preprocessor(content)) == (PreprocessConfig(), ())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"size": {"shortest_edge": 480, "longest_edge": 800}}, {"short_side": 480, "long_side": 800}),
        ({"size_divisor": 64}, {"size_divisor": 64}),
        ({"size_divisor": 0}, {}),
        ({"do_normalize": False}, {"mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}),
        ({"image_mean": 0.5, "image_std": 0.5}, {"mean": (127.5,) * 3, "std": (127.5,) * 3}),
        ({"do_rescale": False, "image_mean": [1, 2, 3], "image_std": [4, 5, 6]}, {"mean": (1, 2, 3), "std": (4, 5, 6)}),
    ],
)
def test_what_is_said_is_done(preprocessor, content, expected):
    assert read_preprocessor(preprocessor(content)) == (PreprocessConfig(**expected), ())


def test_a_size_without_aspect(preprocessor):
    found, (remark,) = read_preprocessor(preprocessor({"size": {"height": 384, "width": 384}}))
    assert found == PreprocessConfig()
    assert "size {'height': 384, 'width': 384}, whatever their aspect" in remark


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"size": {"shortest_edge": "x"}}, "short_side must be int"),
        ({"size": {"shortest_edge": 900, "longest_edge": 800}}, "must not exceed long_side"),
        ({"image_mean": ["a"]}, "image_mean and rescale_factor must be numbers"),
        ({"image_std": [0, 0, 0]}, "std must be positive"),
        ({"image_mean": [0.5]}, "mean must hold three numbers"),
        ({"image_mean": 0.5, "rescale_factor": 0}, "must be numbers"),
    ],
)
def test_preprocessor_mistakes(preprocessor, content, message):
    with pytest.raises(ConfigError, match=message):
        read_preprocessor(preprocessor(content))


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
