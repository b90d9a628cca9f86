"""Files in float16 find what the model finds, on generated scenes."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model, open_exported, save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.evaluation.counts import count, mean_quality
from modelscope_swinpan.evaluation.matching import Listed, match
from modelscope_swinpan.inference import export
from modelscope_swinpan.inference.export import Difference, export_model
from modelscope_swinpan.inference.runtimes import RUNTIMES
from modelscope_swinpan.scenes.dataset import generate_scene
from tests.builders import random_model
from tests.conftest import EMBEDDED
from tests.inference.test_export import MODELS, SIZE, TINY

SCENES, SCENE_SIZE = range(3), (128, 160)


@pytest.fixture(scope="module")
def embedded():
    """The packaged model at half its input size: exporters take their time."""
    model = load_model(EMBEDDED)
    smaller = dataclasses.replace(model.config.preprocess, short_side=128, long_side=160)
    model.config = dataclasses.replace(model.config, preprocess=smaller)
    return model


def listed(result):
    found = Listed([segment.id for segment in result.segments], [segment.label_id for segment in result.segments])
    return np.where(np.isin(result.panoptic_seg, found.ids), result.panoptic_seg, 0), found


def quality(found, expected):
    """PQ in percent of results, where others are the truth."""
    counts = 0
    for one, other in zip(found, expected, strict=True):
        counts = counts + count(match(*listed(other), *listed(one)), 133)
    return mean_quality(counts).pq


def share_of_float16(file):
    """Which part of a file's floating-point weights has two bytes."""
    if file.suffix == ".onnx":
        import onnx

        numbers = {"FLOAT": 0, "FLOAT16": 0, "INT64": 0}
        for tensor in onnx.load(file).graph.initializer:
            numbers[onnx.TensorProto.DataType.Name(tensor.data_type)] += math.prod(tensor.dims)
        return numbers["FLOAT16"] / (numbers["FLOAT"] + numbers["FLOAT16"])

    types = [(node.get_element_type().to_string(), math.prod(node.get_output_shape(0))) for node in constants(file)]
    return sum(n for kind, n in types if kind == "f16") / sum(n for kind, n in types if kind in ("f16", "f32"))


def constants(file):
    import openvino

    return [node for node in openvino.Core().read_model(file).get_ops() if node.get_type_name() == "Constant"]


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_finds_what_the_model_finds(embedded, tmp_path, to):
    file = tmp_path / f"model{RUNTIMES[to].suffix}"
    difference = export_model(embedded, file, to=to, size=SCENE_SIZE, dtype="float16")
    images = [generate_scene(seed, SCENE_SIZE).image for seed in SCENES]
    expected = PanopticPredictor(embedded).predict(images)
    found = open_exported(file).predict(images)
    assert sum(len(result.segments) for result in expected) > 10
    assert quality(expected, expected) == 100
    assert quality(found, expected) > 97
    assert 1e-5 < difference.relative < 1e-2
    assert share_of_float16(file) > 0.95
    assert next(embedded.parameters()).dtype == torch.float32


def test_a_program_takes_and_gives_float32(tmp_path):
    model = MODELS["swin"]
    export_model(model, tmp_path / "model.pt2", to="torch", size=SIZE, dtype="float16")
    program = torch.export.load(tmp_path / "model.pt2")
    assert {tensor.dtype for tensor in program.state_dict.values()} == {torch.float16}
    images = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        pairs = zip(program.module()(images), model(images), strict=False)
    for answer, expected in pairs:
        assert answer.dtype == torch.float32
        assert (answer - expected).norm() / expected.norm() < 1e-2


def test_weights_that_are_too_large(tmp_path):
    model = random_model(TINY)
    with torch.no_grad():
        next(model.parameters())[0] = 1e6
    with pytest.raises(ConfigError, match=r"^float16 cannot hold 1 weight of this model \(backbone"):
        export_model(model, tmp_path / "model.onnx", to="onnx", size=SIZE, dtype="float16")
    assert not list(tmp_path.iterdir())


def test_another_dtype(tmp_path):
    with pytest.raises(ConfigError, match="one of the dtypes float32, float16; got 'bfloat16'"):
        export_model(MODELS["swin"], tmp_path / "model.onnx", to="onnx", size=SIZE, dtype="bfloat16")


def test_the_command(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(export, "export_model", lambda *_, **given: asked.append(given["dtype"]) or Difference(0, 0))
    save_pretrained(MODELS["swin"], tmp_path / "model")
    command = ["export", str(tmp_path / "model"), "--to", "onnx", "--output", str(tmp_path / "a.onnx"), "--size"]
    assert CliRunner().invoke(app, [*command, "32x64", "--dtype", "float16"]).exit_code == 0
    assert CliRunner().invoke(app, [*command, "32x64"]).exit_code == 0
    assert asked == ["float16", "float32"]
    assert CliRunner().invoke(app, [*command, "32x64", "--dtype", "int8"]).exit_code == 2
