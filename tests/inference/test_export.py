"""Exported files, run by their own runtimes, answer as the model does."""

import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, save_pretrained
from modelscope_swinpan.checkpoints.dialects.native import describe
from modelscope_swinpan.cli import app
from modelscope_swinpan.config import PixelDecoderConfig, TransformerDecoderConfig
from modelscope_swinpan.errors import ConfigError, SwinPanError
from modelscope_swinpan.inference import export
from modelscope_swinpan.inference.export import Difference, default_size, export_model
from modelscope_swinpan.inference.runtimes import DESCRIPTION, RUNTIMES
from modelscope_swinpan.models.backbones.resnet import ResNetConfig
from modelscope_swinpan.models.backbones.swin import SwinConfig, swin_large
from modelscope_swinpan.models.mask2former import Mask2Former
from tests.builders import SMALL, random_model
from tests.conftest import CHELSEA, ROOT, relative_error
from tests.full_disk import full_disk

SIZE = (96, 160)
"""Windows of 4 do not divide the maps of strides 16 and 32, 6 × 10 and 3 × 5 tokens."""
TINY = dataclasses.replace(
    SMALL,
    backbone=SwinConfig(embed_dim=16, depths=(2, 1, 1, 2), num_heads=(1, 2, 4, 8), window_size=4),
    pixel_decoder=PixelDecoderConfig(num_layers=1, ffn_dim=96),
    transformer_decoder=TransformerDecoderConfig(num_layers=3, ffn_dim=128, num_queries=7),
)
MODELS = {"swin": random_model(TINY), "resnet": random_model(dataclasses.replace(TINY, backbone=ResNetConfig()))}


class Exported(NamedTuple):
    """A file and what it came from; ``answer`` runs it and ``description`` is the text in it."""

    model: Mask2Former
    to: str
    size: tuple[int, int]
    file: Path
    difference: Difference
    answer: Callable[[torch.Tensor], dict[str, np.ndarray]]
    description: str


def export_and_open(model, to, size, folder):
    file = folder / f"model{RUNTIMES[to].suffix}"
    difference = export_model(model, file, to=to, size=size)
    return Exported(model, to, size, file, difference, *OPEN[to](file))


def open_torch(file):
    extra = {DESCRIPTION: ""}
    module = torch.export.load(file, extra_files=extra).module()
    return lambda images: dict(zip(("class_logits", "mask_logits"), module(images), strict=True)), extra[DESCRIPTION]


def open_onnx(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file)
    names = [output.name for output in session.get_outputs()]

    def answer(images):
        return dict(zip(names, session.run(names, {"pixel_values": images.numpy()}), strict=True))

    return answer, session.get_modelmeta().custom_metadata_map[DESCRIPTION]


def open_openvino(file):
    import openvino

    model = openvino.Core().read_model(file)
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def answer(images):
        answers = compiled({"pixel_values": images.numpy()})
        return {name: answers[name] for name in ("class_logits", "mask_logits")}

    return answer, model.get_rt_info(DESCRIPTION).value


OPEN = {"torch": open_torch, "onnx": open_onnx, "openvino": open_openvino}


@pytest.fixture(scope="module")
def trained(quick_model, tmp_path_factory):
    return export_and_open(quick_model, "onnx", (256, 416), tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module", params=["trained", "resnet-onnx", "swin-torch", "swin-openvino"])
def exported(request, tmp_path_factory):
    if request.param == "trained":
        return request.getfixturevalue("trained")
    name, to = request.param.split("-")
    return export_and_open(MODELS[name], to, SIZE, tmp_path_factory.mktemp(name))


class TestFiles:
    @torch.no_grad()
    def test_answers_are_the_models(self, exported):
        for batch in (1, 3):
            images = torch.randn(batch, 3, *exported.size, generator=torch.Generator().manual_seed(batch))
            answers, expected = exported.answer(images), exported.model(images)
            assert relative_error(answers["class_logits"], expected.class_logits) < 1e-4
            assert relative_error(answers["mask_logits"], expected.mask_logits) < 1e-4

    def test_the_difference_is_told(self, exported):
        assert 0 < exported.difference.relative < 1e-4
        assert 0 < exported.difference.absolute < 1e-2

    def test_describes_the_model(self, exported):
        found = json.loads(exported.description)
        assert found.pop("input") == {"height": exported.size[0], "width": exported.size[1]}
        assert found == json.loads(json.dumps(describe(exported.model.config)))

    def test_takes_no_other_size(self, exported):
        with pytest.raises(Exception, match=r"(?i)dim|shape|guard"):
            exported.answer(torch.zeros(1, 3, 96, 96))

    def test_leaves_nothing_else(self, exported):
        names = {"openvino": ["model.bin", "model.xml"]}.get(exported.to, [exported.file.name])
        assert sorted(path.name for path in exported.file.parent.iterdir()) == names

    def test_onnx_has_standard_operators_only(self, trained):
        import onnx

        model = onnx.load(trained.file)
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {""}
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", export.OPSET)]
        assert not model.functions
        assert "GridSample" not in {node.op_type for node in model.graph.node}
        (entry,) = model.graph.input
        dims = entry.type.tensor_type.shape.dim
        assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch", 3, *trained.size]


def test_the_documented_snippet_answers_as_the_predictor(trained, chelsea, tmp_path, monkeypatch):
    shutil.copy(trained.file, tmp_path / "model.onnx")
    shutil.copy(CHELSEA, tmp_path / "photo.png")
    opened, snippet = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(opened, "docs/export.md", "exec"), names)
    assert names["predictor"]("photo.png").segments
    exec(compile(snippet, "docs/export.md", "exec"), names)
    found, expected = names["result"], PanopticPredictor(trained.model).predict([chelsea])[0]
    assert [(segment.id, segment.label) for segment in found.segments] == [
        (segment.id, segment.label) for segment in expected.segments
    ]
    assert len(found.segments) > 3
    assert np.array_equal(found.panoptic_seg, expected.panoptic_seg)

    Image.open(CHELSEA).crop((0, 0, 360, 300)).save(tmp_path / "photo.png")  # whose own padded size is smaller
    exec(compile(snippet, "docs/export.md", "exec"), names)
    assert np.array_equal(names["result"].panoptic_seg, names["predictor"]("photo.png").panoptic_seg)


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"to": "tensorrt"}, "one of onnx, torch, openvino; got 'tensorrt'"),
            ({"to": "onnx"}, r"must end in \.onnx; got 'model\.pt2'"),
            ({"size": (800, 1200)}, "multiples of 32.* got 800x1200. Take 800x1216"),
            ({"size": (0, 32)}, "got 0x32. Take 32x32"),
        ],
    )
    def test_one_message(self, tmp_path, arguments, message):
        with pytest.raises(ConfigError, match=message):
            export_model(MODELS["swin"], tmp_path / "model.pt2", **{"to": "torch", "size": SIZE, **arguments})
        assert list(tmp_path.iterdir()) == []

    def test_other_dtypes(self, tmp_path):
        with pytest.raises(ConfigError, match="float32 model on the CPU"):
            export_model(random_model(TINY).half(), tmp_path / "model.pt2", to="torch", size=SIZE)

    def test_a_missing_package(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        with pytest.raises(ConfigError, match=r"needs onnxscript: pip install 'modelscope_swinpan\[export\]'"):
            export_model(MODELS["swin"], tmp_path / "model.onnx", to="onnx", size=SIZE)

    def test_weights_of_others_beside(self, tmp_path):
        (tmp_path / "model.bin").write_text("mine")
        with pytest.raises(ConfigError, match=r"model\.bin exists, and would be replaced.* --force"):
            export_model(MODELS["swin"], tmp_path / "model.xml", to="openvino", size=SIZE)
        assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]

    @pytest.mark.parametrize("wrong", [1.01, float("nan")])
    def test_a_wrong_file_is_not_kept(self, tmp_path, monkeypatch, wrong):
        (tmp_path / "model.pt2").write_text("former")
        model = MODELS["swin"]
        monkeypatch.setattr(export, "_trace", lambda *_: None)
        monkeypatch.setattr(export, "_write", lambda _, file, *__, half: file.write_text("wrong"))

        def network(images):
            return [values * wrong for values in model(images)[:2]]

        monkeypatch.setattr(export, "open_network", lambda *_: ({}, network))
        with pytest.raises(SwinPanError, match="does not answer as the model does"):
            export_model(model, tmp_path / "model.pt2", to="torch", size=SIZE)
        assert [path.read_text() for path in tmp_path.iterdir()] == ["former"]


@pytest.mark.parametrize("to", ["torch", "openvino"])
def test_a_full_disk(to, tmp_path):
    """Both runtimes have words of their own for it, and PyTorch ended the process."""
    file = tmp_path / "new" / f"model{RUNTIMES[to].suffix}"
    with full_disk(), pytest.raises(OSError, match=rf"{re.escape(str(file))}('$|: .* There are \d+ MiB free)"):
        export_model(MODELS["swin"], file, to=to, size=SIZE)
    assert not [*tmp_path.iterdir()]


def test_default_size():
    assert default_size(swin_large()) == (800, 1216)


class TestCommand:
    def swinpan(self, *arguments):
        return CliRunner().invoke(app, ["export", *map(str, arguments)], env={"COLUMNS": "100"})

    def test_a_file_for_each_size(self, tmp_path, tiny, monkeypatch):
        calls = []

        def written(model, path, **options):
            calls.append((path.name, options))
            return Difference(2e-3, 1.5e-6)

        monkeypatch.setattr(export, "export_model", written)
        arguments = (tiny, "--to", "torch", "--output", tmp_path / "a.pt2")
        assert self.swinpan(*arguments).exit_code == 0
        answer = self.swinpan(*arguments, "--size", "32x64", "--size", "64X32")
        assert answer.exit_code == 0, answer.output
        assert answer.stderr == ""
        assert calls == [
            ("a.pt2", {"to": "torch", "size": (800, 1216), "dtype": "float32", "force": False}),
            ("a-32x64.pt2", {"to": "torch", "size": (32, 64), "dtype": "float32", "force": False}),
            ("a-64x32.pt2", {"to": "torch", "size": (64, 32), "dtype": "float32", "force": False}),
        ]
        first, _ = answer.stdout.splitlines()
        told = "a-32x64.pt2: 32x64 pixels; differs from the model by 1.5e-06 (relative), 2.0e-03 (largest)"
        assert first == f"{tmp_path}/{told}"

    def test_files_beside_are_replaced_by_force_alone(self, tmp_path, tiny, monkeypatch):
        """FILE itself is replaced at once."""
        forced = []
        monkeypatch.setattr(
            export, "export_model", lambda *_, force, **__: forced.append(force) or Difference(0.0, 0.0)
        )
        openvino = (tiny, "--to", "openvino", "--output", tmp_path / "a.xml", "--size", "32x64")
        torch_files = (tiny, "--to", "torch", "--output", tmp_path / "a.pt2", "--size", "32x64", "--size", "64x32")
        for name in ("a.xml", "a.bin", "a-64x32.pt2"):
            (tmp_path / name).touch()
        for arguments, name in ((openvino, "a.bin"), (torch_files, "a-64x32.pt2")):
            answer = self.swinpan(*arguments)
            assert answer.exit_code == 2
            assert f"{name} exists, and would be replaced." in " ".join(answer.stderr.split())
            assert self.swinpan(*arguments, "--force").exit_code == 0
        (tmp_path / "a.bin").unlink()
        assert self.swinpan(*openvino).exit_code == 0
        assert forced == [True, True, True, False]

    def test_one_size(self, tmp_path):
        save_pretrained(MODELS["swin"], tmp_path / "model")
        answer = self.swinpan(
            tmp_path / "model", "--to", "torch", "--output", tmp_path / "new" / "a.pt2", "--size", "32x64"
        )
        assert answer.exit_code == 0, answer.output
        assert all(line.startswith("Exporting ") for line in answer.stderr.splitlines())  # how long it takes
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.pt2"]

    def test_mistakes(self, tmp_path, tiny):
        to_torch = ("--to", "torch", "--output", tmp_path / "a.pt2")
        for arguments in (
            (tiny, "--to", "tensorrt", "--output", tmp_path / "a.plan"),
            (tiny, *to_torch, "--size", "800"),
            (tiny, *to_torch, "--size", "800x1200"),
            (tiny, "--to", "onnx", "--output", tmp_path / "a.pt2"),
            (tiny, "--to", "torch", "--output", tmp_path),
        ):
            answer = self.swinpan(*arguments)
            assert answer.exit_code == 2, answer.output
            assert "Traceback" not in answer.output
        assert list(tmp_path.iterdir()) == []
