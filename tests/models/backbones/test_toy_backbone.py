"""A backbone is added by one file and one registry entry: this file adds one and uses it everywhere."""

import dataclasses

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model, save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.backbones import BACKBONES, Backbone
from modelscope_swinpan.models.keys import BackboneKeys, Rule
from tests.builders import random_image
from tests.training.runs import TINY, fresh_model, same_weights, small_run


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToyConfig:
    width: int = 8
    leaky: bool = False

    @property
    def channels(self):
        return (self.width,) * 4


class Toy(nn.Module):
    """Four convolutions."""

    def __init__(self, config):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, config.width, step, step)
            for channels, step in zip((3, *config.channels[:3]), (4, 2, 2, 2), strict=True)
        )
        self.activation = nn.LeakyReLU() if config.leaky else nn.ReLU()

    def forward(self, x):
        features = []
        for conv in self.convs:
            x = self.activation(conv(x))
            features.append(x)
        return features


TOY = Backbone(
    name="toy",
    title="Toy",
    citation="Children, 2026",
    config=ToyConfig,
    build=Toy,
    marker="backbone.convs.0.weight",
    from_weights=lambda tensors, options: ToyConfig(width=tensors["backbone.convs.0.bias"].shape[0], **options),
    options={"leaky": False},
    summary=lambda config: f"Toy, {config.width} channels",
    keys={"mmdet": BackboneKeys(rules=(Rule("backbone.toys.{i}.{p}", "backbone.convs.{i}.{p}"),))},
    layers=lambda toy: list(toy.convs),
    stages=lambda toy: [[conv] for conv in toy.convs],
    branches=lambda toy: [[conv] for conv in toy.convs],
    initialize=lambda toy: [nn.init.normal_(parameter, std=0.1) for parameter in toy.parameters()],
)
CONFIG = dataclasses.replace(TINY, backbone=ToyConfig(width=12, leaky=True))


@pytest.fixture(scope="module", autouse=True)
def _registered():
    BACKBONES.register(TOY)
    yield
    del BACKBONES["toy"]


@pytest.fixture
def model():
    return fresh_model(CONFIG).eval()


@pytest.fixture
def directory(model, tmp_path):
    save_pretrained(model, tmp_path / "toy")
    return tmp_path / "toy"


def swinpan(*arguments):
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_told_by_its_weights(model, directory):
    loaded = load_model(directory)
    assert loaded.config == CONFIG
    assert same_weights(loaded, model)


def test_an_image(directory):
    result = PanopticPredictor(load_model(directory))(random_image(90, 120))
    assert result.shape == (90, 120)


def test_converted(model, directory, tmp_path):
    swinpan("convert", directory, tmp_path / "mmdet", "--to", "mmdet")
    weights = torch.load(tmp_path / "mmdet" / "pytorch_model.pt")["state_dict"]
    assert "backbone.toys.3.bias" in weights
    assert load_model(tmp_path / "mmdet").config == CONFIG
    assert same_weights(load_model(tmp_path / "mmdet"), model)
    with pytest.raises(CheckpointError, match="transformers' Mask2Former has a Swin Transformer backbone"):
        save_pretrained(model, tmp_path / "none", form="transformers")


def test_a_training_step(model, tmp_path):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    run = small_run(tmp_path, model, steps=1, frozen_stages=2, drop_path=0.1, checkpointing=True, ema=0.0)
    trained = run.train().state_dict()
    unchanged = {name for name, tensor in before.items() if torch.equal(tensor, trained[name])}
    still = {name for name in unchanged if name.startswith("backbone.")}
    assert still == {f"backbone.convs.{stage}.{name}" for stage in (0, 1) for name in ("weight", "bias")}


def test_words(directory):
    assert "Toy, 12 channels" in swinpan("inspect", directory)
    swinpan("card", directory, "--name", "me/toy", "--license", "MIT", "--training-data", "Blocks.")
    readme = (directory / "README.md").read_text()
    assert "Toy, 12 channels" in readme
    assert "Children, 2026" in readme
    assert "backbone:\n- toy\n" in readme


def test_compiled_layer_by_layer(model):
    model.compile(backend="eager")
    assert all(conv._compiled_call_impl is not None for conv in model.backbone.convs)


def test_its_options_are_known(directory):
    text = (directory / "configuration.json").read_text().replace('"leaky": true', '"leaky": 1')
    (directory / "configuration.json").write_text(text)
    with pytest.raises(ConfigError, match="leaky must be true or false; got 1"):
        load_model(directory)
    (directory / "configuration.json").write_text('{"model": {"architecture": {"leak": 1}}}')
    with pytest.raises(ConfigError, match="Known options: leaky, num_heads, num_points, stride_in_1x1"):
        load_model(directory)


def test_unregistered(directory):
    del BACKBONES["toy"]
    try:
        with pytest.raises(CheckpointError, match="none of the backbones Swin Transformer, ResNet"):
            load_model(directory)
    finally:
        BACKBONES.register(TOY)
