"""Exported files are predictors: the same segments as the model's."""

import copy
import dataclasses
import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model, open_exported
from modelscope_swinpan.checkpoints.files.source import EXPORTED
from modelscope_swinpan.cli import app
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import CheckpointError, ConfigError, DeviceError, ImageError
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.inference.export import export_model
from modelscope_swinpan.inference.exported import exported_files
from modelscope_swinpan.inference.preprocess import padded_size
from modelscope_swinpan.inference.runtimes import RUNTIMES, open_network
from modelscope_swinpan.structures import Size
from tests.builders import random_model
from tests.conftest import CHELSEA
from tests.cuda_stand_in import NONE_REAL, OTHER_GPU, stand_in
from tests.inference.test_export import TINY

SMALLEST = random_model(dataclasses.replace(TINY, preprocess=PreprocessConfig(short_side=64, long_side=96)))


@pytest.fixture(scope="module")
def photo():
    return decode_image(CHELSEA)


@pytest.fixture(scope="module")
def exported(quick_model, photo, tmp_path_factory):
    """A file of each format: ONNX of a trained model, and of a smaller one what takes long to write."""
    folder = tmp_path_factory.mktemp("exported")
    files = {name: folder / f"model{runtime.suffix}" for name, runtime in RUNTIMES.items()}
    size = padded_size(Size(*photo.shape[:2]), quick_model.config.preprocess)
    export_model(quick_model, files["onnx"], to="onnx", size=size)
    for name in ("torch", "openvino"):
        export_model(SMALLEST, files[name], to=name, size=(64, 96))
    return files


def test_all_suffixes_are_known():
    assert {runtime.suffix for runtime in RUNTIMES.values()} == set(EXPORTED)


def test_answers_as_the_model(exported, quick_model, photo):
    expected = PanopticPredictor(quick_model).predict([photo])[0]
    predictor = open_exported(exported["onnx"])
    assert len(expected.segments) > 3
    for found in predictor.predict([photo, photo], batch_size=2):
        assert [(s.label, s.isthing) for s in found.segments] == [(s.label, s.isthing) for s in expected.segments]
        assert [s.score for s in found.segments] == pytest.approx([s.score for s in expected.segments], abs=1e-3)
        assert (found.panoptic_seg == expected.panoptic_seg).mean() > 0.999
    assert (predictor.categories, predictor.device) == (quick_model.config.categories, "cpu")
    assert predictor.short_side == quick_model.config.preprocess.short_side


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_other_formats_answer_as_the_model(exported, photo, name):
    found = open_exported(exported[name], trust=True).with_task("semantic").predict([photo])[0]
    expected = PanopticPredictor(SMALLEST, task="semantic").predict([photo])[0]
    assert len(expected.segments) > 1
    assert (found.panoptic_seg == expected.panoptic_seg).mean() > 0.999


@pytest.mark.parametrize("task", ["instance", "semantic"])
def test_the_other_tasks(exported, quick_model, photo, task):
    found = open_exported(exported["onnx"]).with_task(task).predict([photo])[0]
    expected = PanopticPredictor(quick_model, task=task).predict([photo])[0]
    assert [s.label for s in found.segments] == [s.label for s in expected.segments]


def test_it_pickles_and_tells_what_it_is(exported, photo):
    predictor = open_exported(exported["onnx"])
    copied = pickle.loads(pickle.dumps(predictor))
    assert np.array_equal(copied.predict([photo])[0].panoptic_seg, predictor.predict([photo])[0].panoptic_seg)
    assert copied.identity() == predictor.identity()
    json.dumps(predictor.identity())
    assert open_exported(exported["openvino"]).identity() != predictor.identity()
    assert predictor.with_options(batch_size=3).batch_size == 3
    with pytest.raises(ConfigError, match="batch_size must be a whole number of at least 1"):
        predictor.with_options(batch_size=0)


def save_as_ours(path, ours, nodes, outputs):
    """Save a network of ``nodes`` with the description and the inputs of our exported file."""
    from onnx import helper, save

    infos = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph(nodes, "theirs", ours.graph.input, infos)
    theirs = helper.make_model(graph, opset_imports=ours.opset_import, ir_version=8)
    theirs.metadata_props.extend(ours.metadata_props)
    save(theirs, path)


@NONE_REAL
def test_a_program_on_a_gpu(exported):
    """A stand-in for the second one. The program has nothing on the CPU, and waits for what comes and goes alone."""
    pixel_values = torch.randn(2, 3, 64, 96)
    expected = open_network(exported["torch"], "cpu")[1](pixel_values)
    with stand_in() as mode:
        network = open_network(exported["torch"], str(OTHER_GPU))[1]
        mode.waits.clear()
        found = network(pixel_values)
        assert mode.waits == ["copy"] * 3
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


class TestSizes:
    """Files of one model in a folder."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("sizes")
        for height, width in ((64, 96), (96, 64), (96, 96)):
            export_model(SMALLEST, folder / f"model-{height}x{width}.pt2", to="torch", size=(height, width))
        return folder

    def test_the_smallest_that_fits(self, folder):
        predictor = open_exported(folder, trust=True)
        groups = [predictor.group(Size(*size)) for size in ((50, 75), (75, 50), (60, 60))]
        assert groups == [(64, 96), (96, 64), (64, 96)]
        images = [np.zeros((60, 60, 3), np.uint8), np.zeros((50, 75, 3), np.uint8)]
        assert [result.shape for result in predictor.predict(images, batch_size=2)] == [(60, 60), (50, 75)]

    def test_none_that_fits(self, folder):
        with pytest.raises(ImageError, match=r"take 96x64\. Export the model with --size 64x96 as well"):
            open_exported(folder / "model-96x64.pt2", trust=True).group(Size(50, 75))

    def test_files_of_two_models(self, folder, tmp_path):
        shutil.copy(folder / "model-64x96.pt2", tmp_path)
        other = copy.copy(SMALLEST)
        other.config = dataclasses.replace(SMALLEST.config, preprocess=PreprocessConfig(short_side=96, long_side=96))
        export_model(other, tmp_path / "model-96x96.pt2", to="torch", size=(96, 96))
        with pytest.raises(ConfigError, match="are not of one model"):
            open_exported(tmp_path, trust=True)


class TestMistakes:
    def test_a_program_must_be_trusted(self, exported):
        with pytest.raises(ConfigError, match=r"may run code that is in it.*--trust"):
            open_exported(exported["torch"])

    @pytest.mark.parametrize("name", RUNTIMES)
    def test_a_damaged_file(self, tmp_path, name):
        file = tmp_path / f"model{RUNTIMES[name].suffix}"
        file.write_bytes(b"nothing of use")
        with pytest.raises(CheckpointError, match="is damaged, or no file that swinpan export wrote"):
            open_exported(file, trust=True)

    def test_a_file_of_somebody_else(self, tmp_path, exported):
        import onnx

        model = onnx.load(exported["onnx"])
        del model.metadata_props[:]
        onnx.save(model, tmp_path / "theirs.onnx")
        with pytest.raises(CheckpointError, match="no file that swinpan export wrote"):
            open_exported(tmp_path / "theirs.onnx")

    @pytest.mark.parametrize(
        ("old", "new", "kind", "message"),
        [
            ('"short_side": ', '"short_sid": ', ConfigError, "short_sid"),
            ('"preprocessor"', '"preprocessing"', CheckpointError, "its description is incomplete"),
            ('{"model"', '[{"model"', CheckpointError, "is damaged"),
            ('"height": ', '"height": 1000000', CheckpointError, "its images have 1000000"),
            ('"height": ', '"height": -', CheckpointError, "its images have -"),
        ],
    )
    def test_a_description_that_is_wrong(self, tmp_path, exported, old, new, kind, message):
        import onnx

        model = onnx.load(exported["onnx"])
        (entry,) = model.metadata_props
        assert old in entry.value
        entry.value = entry.value.replace(old, new)
        onnx.save(model, tmp_path / "model.onnx")
        with pytest.raises(kind, match=message):
            open_exported(tmp_path / "model.onnx")

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            (["mask_logits"], "is damaged, or no file that swinpan export wrote"),
            (["class_logits", "mask_logits"], r"it answers \d+x\d+ pixels with \(1, 3, \d+, \d+\) and"),
        ],
    )
    def test_another_network_under_our_description(self, tmp_path, exported, photo, names, message):
        from onnx import helper, load

        ours = load(exported["onnx"])
        nodes = [helper.make_node("Identity", ["pixel_values"], [name]) for name in names]
        save_as_ours(tmp_path / "theirs.onnx", ours, nodes, names)
        with pytest.raises(CheckpointError, match=message):
            open_exported(tmp_path / "theirs.onnx").predict([photo])

    def test_memory_that_does_not_suffice(self, tmp_path, exported, photo):
        """That is no damage of the file."""
        from onnx import helper, load

        ours = load(exported["onnx"])
        shape = helper.make_node("Constant", [], ["shape"], value=helper.make_tensor("shape", 7, [2], [2**24, 2**24]))
        names = ["class_logits", "mask_logits"]
        nodes = [shape, *(helper.make_node("ConstantOfShape", ["shape"], [name]) for name in names)]
        save_as_ours(tmp_path / "large.onnx", ours, nodes, names)
        with pytest.raises(DeviceError, match=r"ran out of memory for 1 image of \d+×\d+ pixels"):
            open_exported(tmp_path / "large.onnx").predict([photo])

    @pytest.mark.parametrize("name", ["onnx", "openvino"])
    def test_a_device_that_is_not_there(self, exported, name):
        with pytest.raises(ConfigError, match=r"has no device 'quantum' here\. It has: .*cpu"):
            open_exported(exported[name], device="quantum")

    def test_a_program_for_a_device_that_is_not_there(self, exported):
        with pytest.raises(ConfigError, match="device 'quantum' cannot be used on this machine"):
            open_exported(exported["torch"], device="quantum", trust=True)

    @pytest.mark.filterwarnings("ignore:Specified provider")
    def test_a_provider_that_does_not_work(self, exported, monkeypatch):
        """ONNX Runtime lists what it was built with. Where CUDA's libraries are missing, it goes on with the CPU."""
        providers = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
        for device in ("cuda", "tensorrt:1"):
            with pytest.raises(ConfigError, match=f"ONNX Runtime cannot use '{device}' here"):
                open_exported(exported["onnx"], device=device)

    def test_what_a_provider_cannot_do_the_next_does(self, exported, monkeypatch):
        providers = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
        sessions, session = [], onnxruntime.InferenceSession

        def opened(file, **options):
            sessions.append(options)
            real = session(file, providers=["CPUExecutionProvider"])
            monkeypatch.setattr(real, "get_providers", lambda: options["providers"])
            return real

        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
        monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
        for device in ("tensorrt:1", "cuda", "cpu"):
            open_exported(exported["onnx"], device=device)
        assert sessions == [
            {"providers": providers, "provider_options": [{"device_id": "1"}, {"device_id": "1"}, {}]},
            {"providers": providers[1:], "provider_options": [{}, {}]},
            {"providers": providers[2:], "provider_options": [{}]},
        ]

    def test_nothing_there(self, tmp_path):
        with pytest.raises(CheckpointError, match="No exported file at"):
            open_exported(tmp_path / "model.onnx")

    def test_a_folder_of_two_formats(self, exported):
        with pytest.raises(ConfigError, match=r"several formats: model\.onnx, model\.pt2, model\.xml"):
            open_exported(exported["onnx"].parent)

    def test_weights_of_a_model_come_first(self, tmp_path):
        (tmp_path / "configuration.json").write_text("{}")
        for name in ("model.safetensors", "model.onnx"):
            (tmp_path / name).touch()
        assert exported_files(tmp_path) == []
        (tmp_path / "configuration.json").write_text("none")
        assert exported_files(tmp_path) == []

    def test_as_weights(self, tmp_path):
        for suffix in EXPORTED:
            with pytest.raises(CheckpointError, match=r"is an exported file by its suffix.*open_exported"):
                load_model(tmp_path / f"model{suffix}")


class TestModelDirectory:
    """Exported files in the place of weights."""

    @pytest.mark.parametrize(
        ("weights", "expected"),
        [
            (None, ["model.xml"]),
            ("model.xml", ["model.xml"]),
            (".", ["model.xml"]),
            ("sizes", ["64x96.xml", "96x64.xml"]),
            ("none.onnx", ["none.onnx"]),
        ],
    )
    def test_what_is_run(self, tmp_path, weights, expected):
        (tmp_path / "sizes").mkdir()
        for name in ("model.bin", "model.xml", "sizes/64x96.xml", "sizes/96x64.xml", "README.md"):
            (tmp_path / name).touch()
        model = {} if weights is None else {"weights": weights}
        (tmp_path / "configuration.json").write_text(json.dumps({"model": model}))
        assert [file.name for file in exported_files(tmp_path)] == expected

    def test_the_configuration_overrules_the_file(self, exported, photo, tmp_path):
        shutil.copy(exported["torch"], tmp_path)
        own = {"model": {"weights": "model.pt2", "task": "semantic"}, "preprocessor": {"type": "Theirs", "a": 1}}
        (tmp_path / "configuration.json").write_text(json.dumps(own))
        predictor = open_exported(tmp_path, trust=True)
        file = open_exported(exported["torch"], trust=True)
        assert (predictor.task, predictor.short_side) == ("semantic", file.short_side)
        assert predictor.identity() != file.with_task("semantic").identity()
        (tmp_path / "configuration.json").write_text(json.dumps({"preprocessor": {"fixed_size": [96, 64]}}))
        assert open_exported(tmp_path, trust=True).short_side == 64
        own = {"model": {"task": "semantics", "postprocess": {"overlap_threshold": 0.25}}}
        (tmp_path / "configuration.json").write_text(json.dumps(own))
        with pytest.raises(ConfigError, match="the task must be one of panoptic, instance, semantic; got 'semantics'"):
            open_exported(tmp_path, trust=True)
        del own["model"]["task"]
        (tmp_path / "configuration.json").write_text(json.dumps(own))
        found = open_exported(tmp_path, trust=True).postprocess
        assert found == dataclasses.replace(file.postprocess, overlap_threshold=0.25)


def test_the_command_line_takes_it(exported, tmp_path):
    shutil.copy(CHELSEA, tmp_path / "photo.png")
    command = ["predict", str(tmp_path / "photo.png"), "--output", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, [*command, "--model", str(exported["onnx"])])
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "out" / "panoptic.json").read_text())["annotations"][0]["segments_info"]
    answer = CliRunner().invoke(app, [*command, "--model", str(exported["onnx"]), "--dtype", "bfloat16"])
    assert answer.exit_code == 2
    assert "an exported file has its own number format" in answer.stderr
    answer = CliRunner().invoke(app, [*command, "--model", str(exported["torch"])])
    assert answer.exit_code == 2
    assert "--trust" in answer.stderr


def test_an_exported_file_needs_no_exporter(exported, tmp_path):
    code = (
        "import sys; sys.modules.update(onnx=None, onnxscript=None)\n"
        "from modelscope_swinpan import open_exported; print(open_exported(sys.argv[1]).task)"
    )
    found = subprocess.run([sys.executable, "-c", code, exported["onnx"]], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "panoptic"
