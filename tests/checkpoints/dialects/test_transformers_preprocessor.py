"""What ``preprocessor_config.json`` asks for is done as transformers does it, or refused."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from transformers import Mask2FormerImageProcessor

from modelscope_swinpan.checkpoints.dialects.transformers_preprocessor import preprocessor_entries, read_preprocessor
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.preprocess import preprocess
from tests.builders import SMALL, random_image

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
def preprocessor(tmp_path):
    def write(content):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.mark.parametrize("content", [PRESENT, HUB, {}])
def test_defaults_are_the_package_s(preprocessor, content):
    assert read_preprocessor(preprocessor(content)) == PreprocessConfig()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"size": {"shortest_edge": 480, "longest_edge": 800}}, {"short_side": 480, "long_side": 800}),
        ({"size_divisor": 64}, {"size_divisor": 64}),
        ({"size_divisor": 0}, {}),
        ({"size_divisor": 16}, {}),
        ({"size": 480}, {"short_side": 480}),
        ({"size": 1600}, {"short_side": 1600, "long_side": 2666}),
        (
            {"size": {"shortest_edge": 480, "longest_edge": None, "height": None}, "max_size": 640},
            {"short_side": 480, "long_side": 640},
        ),
        ({"size": {"height": 384, "width": 512}}, {"fixed_size": (384, 512)}),
        ({"size": [400, 500], "size_divisor": 64}, {"fixed_size": (448, 512)}),
        ({"do_resize": False, "size_divisor": 64, "resample": 3}, {"resize": False}),
        ({"do_resize": None, "pad_size": None}, {}),
        ({"do_rescale": False}, {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}),
        ({"do_normalize": False}, {"mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}),
        ({"image_mean": 0.5, "image_std": 0.5}, {"mean": (127.5,) * 3, "std": (127.5,) * 3}),
        ({"do_rescale": False, "image_mean": [1, 2, 3], "image_std": [4, 5, 6]}, {"mean": (1, 2, 3), "std": (4, 5, 6)}),
    ],
)
def test_what_is_said_is_done(preprocessor, content, expected):
    assert read_preprocessor(preprocessor(content)) == PreprocessConfig(**expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"size": {"shortest_edge": "x"}}, "short_side must be int"),
        ({"size": {"shortest_edge": 900, "longest_edge": 800}}, "must not exceed long_side"),
        ({"size": {"longest_edge": 800}}, r"size {'longest_edge': 800} is not supported"),
        (
            {"size": {"max_height": 800, "max_width": 800}},
            "only shortest_edge and longest_edge, or height and width, are",
        ),
        ({"size": {"height": "a", "width": 4}}, "fixed_size must be int"),
        ({"size": {"height": 0, "width": 4}}, "fixed_size must lie between 1 and"),
        ({"size": {"height": 30_000, "width": 30_000}}, "pixels are too large"),
        ({"size_divisor": 48}, "size_divisor 48 is not supported; only multiples and divisors of 32 are"),
        ({"size_divisor": -1}, "size_divisor must be an int of 0 or more"),
        ({"size_divisor": "32"}, "size_divisor must be an int"),
        ({"resample": 3}, r"resample 3 is not supported; only 2 \(bilinear\) is"),
        ({"pad_size": {"height": 800, "width": 800}}, "pad_size .* is not supported"),
        ({"do_resize": "false"}, "do_resize must be true or false; got 'false'"),
        ({"do_normalize": 0}, "do_normalize must be true or false"),
        ({"image_mean": 10**400}, "must be numbers"),
        ({"image_mean": float("nan")}, "must lie between"),
        ({"image_std": float("inf")}, "must lie between"),
        ({"image_mean": ["a"]}, "image_mean and rescale_factor must be numbers"),
        ({"image_std": [0, 0, 0]}, "std must lie between 1e-06 and 1000000.0; got 0"),
        ({"image_mean": [0.5]}, "mean must hold three numbers"),
        ({"image_mean": 0.5, "rescale_factor": 0}, "must be numbers"),
    ],
)
def test_preprocessor_mistakes(preprocessor, content, message):
    with pytest.raises(ConfigError, match=message):
        read_preprocessor(preprocessor(content))


SIZES = ({"shortest_edge": 64, "longest_edge": 128}, {"height": 96, "width": 128}, {"height": 100, "width": 110})


@pytest.mark.parametrize("do_resize", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixel_values_are_the_package_s(preprocessor, do_resize, size):
    """The photo is enlarged: where it shrinks, the package smooths, and we do as upstream does."""
    photo = random_image(48, 96)
    for rescaled, normalised, factor, divisor, resample in itertools.product(
        [True, False], [True, False], [1 / 255, 1 / 127.5], [0, 32, 64], [2, 3]
    ):
        content = {
            "do_resize": do_resize,
            "size": size,
            "do_rescale": rescaled,
            "rescale_factor": factor,
            "do_normalize": normalised,
            "size_divisor": divisor,
            "resample": resample,
            "image_mean": [0.5, 0.4, 0.3],
            "image_std": [0.2, 0.3, 0.4],
        }
        if do_resize and resample == 3:
            with pytest.raises(ConfigError, match="resample 3 is not supported"):
                read_preprocessor(preprocessor(content))
            continue
        config = read_preprocessor(preprocessor(content))
        ours = preprocess([photo], config).pixel_values[0].numpy()
        theirs = Mask2FormerImageProcessor(**content)(photo, return_tensors="np")["pixel_values"][0]
        height, width = theirs.shape[1:]
        one_step = 1 / min(config.std)  # of a pixel: both round them after resizing
        assert np.abs(ours[:, :height, :width] - theirs).max() <= 1.001 * one_step, content
        assert ours.shape[1:] == (-(-height // 32) * 32, -(-width // 32) * 32)
        assert not ours[:, height:].any()
        assert not ours[:, :, width:].any()


@pytest.mark.parametrize("divisor", [32, 64])
def test_sizes_that_are_no_multiples(preprocessor, divisor):
    """The package stretches photos to multiples, we pad them: the inputs are of one size."""
    content = {"size": {"shortest_edge": 70, "longest_edge": 110}, "size_divisor": divisor}
    for height, width in ((48, 96), (96, 48), (50, 50), (30, 200)):
        photo = random_image(height, width)
        ours = preprocess([photo], read_preprocessor(preprocessor(content))).pixel_values
        theirs = Mask2FormerImageProcessor(**content)(photo, return_tensors="np")["pixel_values"]
        assert ours.shape == theirs.shape


@pytest.mark.parametrize(
    "config", [PreprocessConfig(fixed_size=(96, 64)), PreprocessConfig(resize=False), PreprocessConfig(short_side=64)]
)
def test_what_we_write_is_what_we_read(preprocessor, config):
    entries = preprocessor_entries(dataclasses.replace(SMALL, preprocess=config))
    assert read_preprocessor(preprocessor(entries)) == config
    photo = random_image(48, 48)
    theirs = Mask2FormerImageProcessor(**entries)(photo, return_tensors="np")["pixel_values"]
    assert preprocess([photo], config).resized[0] == theirs.shape[2:]
