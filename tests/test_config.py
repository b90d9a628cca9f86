import time

import pytest

from modelscope_swinpan.config import (
    PostprocessConfig,
    PreprocessConfig,
    check_names,
    from_mapping,
    replace,
)
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.backbones.swin import swin_large


def test_values_from_json():
    config = from_mapping(PreprocessConfig, {"short_side": 480, "mean": [1, 2, 3.5]}, "here")
    assert config == PreprocessConfig(short_side=480, mean=(1.0, 2.0, 3.5))


def test_replace_keeps_the_rest():
    config = replace(PostprocessConfig(max_instances=7), {"overlap_threshold": 0}, "call")
    assert config == PostprocessConfig(max_instances=7, overlap_threshold=0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"shortside": 480},
            "here: unknown option 'shortside'. Did you mean 'short_side'? Known options: fixed_size, long_side, mean",
        ),
        ({"short_side": "480"}, "here: short_side must be int; got '480' (str)"),
        ({"short_side": True}, "here: short_side must be int; got True"),
        ({"short_side": 0}, "here: short_side must lie between 1 and 65536; got 0"),
        ({"short_side": 900, "long_side": 800}, "short_side (900) must not exceed long_side (800)"),
        ({"size_divisor": 48}, "multiple of 32"),
        ({"mean": [1, 2]}, "mean must hold three numbers"),
        ({"std": [1, 0, 1]}, "std must lie between 1e-06 and 1000000.0; got 0"),
        ({"std": [1, float("inf"), 1]}, "std must lie between 1e-06 and 1000000.0; got inf"),
        ({"mean": [1, float("nan"), 1]}, "mean must lie between -1000000.0 and 1000000.0; got nan"),
        ({"mean": [1, 10**400, 1]}, "here: mean must be float; got 1000"),
        ({"fixed_size": [3]}, "fixed_size must hold height and width"),
        ({"fixed_size": [0, 3]}, "fixed_size must lie between 1 and 65536; got 0"),
        (
            {"short_side": 30_000, "long_side": 30_000},
            "900,000,000 pixels are too large; a model takes up to 16,777,216",
        ),
        ({"std": 3}, "here: std must be a list; got 3"),
        ({"mean": [1, 2, float("nan")]}, "mean"),
        ({"mean": [1, 2, float("-inf")]}, "mean"),
        ({"mean": [1, 2, 1e300]}, "mean must lie between -1000000.0 and 1000000.0; got 1e+300"),
        ({"std": [1, 2, float("nan")]}, "std"),
        ({"std": [1, 2, float("inf")]}, "std"),
        ({"std": [1, 2, 1e-300]}, "std must lie between 1e-06 and 1000000.0; got 1e-300"),
        ({"size_divisor": 65536}, "size_divisor must lie between 1 and 1024"),
    ],
)
def test_messages(values, message):
    with pytest.raises(ConfigError) as caught:
        from_mapping(PreprocessConfig, values, "here")
    assert message in str(caught.value)


def test_long_names_are_neither_compared_nor_shown():
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        check_names(["short_side" * 100_000], ["short_side" * 4, "long_side"], "here")
    assert time.process_time() - began < 1
    assert str(caught.value).startswith("here: unknown option 'short_sideshort_side")
    assert len(str(caught.value)) < 200


def test_configs_are_frozen():
    with pytest.raises(AttributeError):
        swin_large().hidden_dim = 3  # type: ignore[misc]
