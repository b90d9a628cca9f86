"""The configuration's entry ``train``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from modelscope.utils.config import Config

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.plugin.train_options import modify, read_options, without_foreign
from modelscope_swinpan.training.config import TrainConfig


def configured(**train: Any) -> Config:
    return Config({"framework": "pytorch", "preprocessor": {"short_side": 224}, "train": train})


def test_all_kinds_of_options() -> None:
    train = {
        "batch_size": 4,
        "freeze": ["backbone"],
        "augment": {"size": [64, 96]},
        "max_epochs": 3,
        "work_dir": "here",
    }
    found = read_options(configured(**train), {"seed": 7, "max_epochs": 5})
    assert found.config == TrainConfig(batch_size=4, freeze=("backbone",), seed=7)
    assert (found.augment.size, found.work_dir) == ((64, 96), Path("here"))
    assert found.config_for(10).steps == 13  # 5 × 10 images in batches of 4


def test_defaults() -> None:
    found = read_options(Config({}), {})
    assert (found.config, found.work_dir, found.config_for(3)) == (TrainConfig(), Path("work_dir"), TrainConfig())


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"step": 3}, "train: unknown option 'step'. Did you mean 'steps'"),
        ({"max_epoch": 3}, "Did you mean 'max_epochs'"),
        ({"augment": {"sise": [64, 64]}}, "train.augment: unknown option 'sise'. Did you mean 'size'"),
        ({"steps": "many"}, "train: steps must be int; got 'many'"),
        ({"steps": 0}, "train: steps must be at least 1"),
        ({"steps": 5, "max_epochs": 3}, "Give either steps or max_epochs"),
        ({"max_epochs": 0.5}, "max_epochs must be a whole number of at least 1; got 0.5"),
    ],
)
def test_mistakes(train: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_options(configured(**train), {})


@pytest.mark.parametrize("configuration", [configured(seed=3), Config({})])
def test_a_configuration_is_modified(configuration: Config) -> None:
    def change(cfg: Config) -> Config:
        cfg.train.steps = 5
        cfg.train["augment"] = {"flip": 0.0}
        return cfg

    seed = configuration.safe_get("train.seed", 0)
    found = read_options(modify(configuration, change), {})
    assert (found.config.steps, found.config.seed, found.augment.flip) == (5, seed, 0.0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda cfg: None, "must return the configuration that it was given; it returned NoneType"),
        (
            lambda cfg: _with(cfg, "preprocessor", {"short_side": 512}),
            "cfg_modify_fn changed preprocessor, but it may change only train",
        ),
        (lambda cfg: _with(cfg, "evaluation", {}), "cfg_modify_fn changed evaluation"),
    ],
)
def test_what_training_does_not_look_at(function: Callable[[Config], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        modify(configured(), function)


def _with(configuration: Config, name: str, value: Any) -> Config:
    configuration[name] = value
    return configuration


def test_another_trainers_options_are_left_out_whole() -> None:
    ours = without_foreign(configured(steps=5))
    theirs = without_foreign(configured(max_epochs=50, optimizer={"lr": 0.1}, dataloader={"batch_size_per_gpu": 2}))
    none = without_foreign(Config({"framework": "pytorch"}))
    assert [one.safe_get("train") for one in (ours, theirs, none)] == [{"steps": 5}, None, None]
