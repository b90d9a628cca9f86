"""The options of a run."""

import pytest

from modelscope_swinpan.config import from_mapping
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.training.config import TrainConfig


def test_options_come_from_outside():
    found = from_mapping(TrainConfig, {"steps": 7, "milestones": [0.5, 1], "freeze": ["backbone"], "clip": 1}, "--set")
    assert found == TrainConfig(steps=7, milestones=(0.5, 1.0), freeze=("backbone",), clip=1.0)
    with pytest.raises(ConfigError, match=r"unknown option 'step'\. Did you mean 'steps'"):
        from_mapping(TrainConfig, {"step": 7}, "--set")


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"warmup": -1},
        {"seed": 2**64},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"milestones": (8890, 9630)},  # steps, as other packages count them
        {"clip": float("nan")},
        {"ema": 1.0},
        {"drop_path": -0.1},
        {"schedule": "linear"},
        {"accumulate": 3},
    ],
    ids=str,
)
def test_options_out_of_range(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)
