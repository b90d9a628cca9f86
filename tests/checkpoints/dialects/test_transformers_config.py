import json

import pytest

from modelscope_swinpan.checkpoints.dialects.transformers_config import read_config, read_preprocessor
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import CheckpointError, ConfigError

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
    assert read_config(tmp_path) is None
    assert read_preprocessor(tmp_path) == PreprocessConfig()


def test_names_and_heads(config):
    told = read_config(config(id2label={"1": "b", "0": " a"}, num_attention_heads=4))
    assert (told.names, told.num_heads) == (("a", "b"), 4)
    told = read_config(config(id2label={"0": "LABEL_0", "1": "LABEL_1"}))
    assert (told.names, told.num_heads) == (None, 8)


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
        read_config(config(**content))


@pytest.mark.parametrize("content", [PRESENT, HUB, {}])
def test_defaults_are_the_package_s(preprocessor, content):
    assert read_preprocessor(preprocessor(content)) == PreprocessConfig()


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
    assert read_preprocessor(preprocessor(content)) == PreprocessConfig(**expected)


def test_a_size_without_aspect(preprocessor):
    with pytest.warns(UserWarning, match=r"size \{'height': 384, 'width': 384\}, whatever their aspect"):
        assert read_preprocessor(preprocessor({"size": {"height": 384, "width": 384}})) == PreprocessConfig()


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
