import dataclasses
import json
import pickle
import shutil
import warnings
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from modelscope_swinpan import load_model
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.checkpoints import load
from modelscope_swinpan.checkpoints.dialects.detectron2 import DETECTRON2
from modelscope_swinpan.checkpoints.dialects.easycv import EASYCV
from modelscope_swinpan.checkpoints.dialects.mmdet import MMDET2
from modelscope_swinpan.checkpoints.dialects.native import to_header
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.checkpoints.load import open_model
from modelscope_swinpan.config import PostprocessConfig, PreprocessConfig, from_mapping
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.backbones.resnet import ResNetConfig
from tests.builders import SMALL, SMALL_RESNET, random_model
from tests.checkpoints.files.test_io import mapped_file

NAMES = [category.name for category in COCO_PANOPTIC]


@pytest.fixture(scope="module")
def weights():
    """A small random model under the keys of mmdetection 2.x."""
    return MMDET2.keymap.write(random_model().state_dict())


@pytest.fixture
def directory(tmp_path):
    """Writes a model directory."""

    def write(content, **configuration):
        torch.save(content, tmp_path / "pytorch_model.pt")
        (tmp_path / "configuration.json").write_text(json.dumps(configuration))
        return tmp_path

    return write


def test_architecture_and_weights_survive(directory, weights):
    model = load_model(directory({"meta": {"CLASSES": NAMES}, "state_dict": weights}))
    assert model.config == SMALL
    assert not model.training
    original = random_model().state_dict()
    assert set(model.state_dict()) == set(original)
    assert all(torch.equal(original[key], tensor) for key, tensor in model.state_dict().items())


def test_bare_file_and_bare_state_dict(directory, weights):
    path = directory(weights) / "pytorch_model.pt"
    with pytest.warns(UserWarning, match="names no classes; taking the 133 of COCO panoptic"):
        assert load_model(path).config == SMALL


@pytest.mark.filterwarnings("ignore:.*preprocessor of type")
def test_warnings_name_the_line_that_loads(directory, weights):
    path = directory(weights, preprocessor={"type": "image-easycv"})
    for function in (load_model, open_model, inspect_checkpoint):
        with pytest.warns(UserWarning, match="names no classes") as caught:
            function(path)
        assert [warning.filename for warning in caught] == [__file__] * 2


def test_blanks_in_class_names_are_stripped(tiny_model):
    assert tiny_model.config.categories == COCO_PANOPTIC


def test_weights_are_not_copied(tiny):
    weight = load_model(tiny).backbone.stages[0].blocks[0].attn.qkv.weight
    assert mapped_file(weight) == str(tiny / "pytorch_model.pt")


def test_a_config_py_is_not_executed(directory, weights):
    folder = directory({"meta": {"CLASSES": NAMES}, "state_dict": weights})
    for name in ("config.py", "setup.py", "ms_wrapper.py"):
        (folder / name).write_text("raise SystemExit('executed')")
    load_model(folder)


def test_preprocessing_as_configured(directory, weights):
    content = {"meta": {"CLASSES": NAMES}, "state_dict": weights}
    model = load_model(directory(content, preprocessor={"short_side": 480, "long_side": 800}))
    assert model.config.preprocess == PreprocessConfig(short_side=480, long_side=800)
    with pytest.warns(UserWarning, match="preprocessor of type 'image-easycv'"):
        assert load_model(directory(content, preprocessor={"type": "image-easycv"})).config == SMALL


def test_heads_and_points_as_configured(directory, weights):
    content = {"meta": {"CLASSES": NAMES}, "state_dict": weights}
    model = load_model(directory(content, model={"architecture": {"num_heads": 4, "num_points": 8}}))
    assert (model.config.pixel_decoder.num_heads, model.config.pixel_decoder.num_points) == (4, 8)
    assert model.config.transformer_decoder.num_heads == 4


def test_categories_as_configured(directory):
    config = SMALL.__class__(**{**SMALL.__dict__, "categories": COCO_PANOPTIC[:2]})
    weights = MMDET2.keymap.write(random_model(config).state_dict())
    listed = [
        {"id": 5, "name": "cell", "isthing": True, "color": [1, 2, 3]},
        {"id": 9, "name": "glass", "isthing": False, "color": [4, 5, 6]},
    ]
    found = load_model(directory({"state_dict": weights}, model={"categories": listed})).config.categories
    assert [(c.id, c.name, c.isthing, c.color) for c in found] == [
        (5, "cell", True, (1, 2, 3)),
        (9, "glass", False, (4, 5, 6)),
    ]
    with pytest.warns(UserWarning, match="unknown ones are taken as things"):
        named = load_model(directory({"state_dict": weights, "meta": {"CLASSES": ("person", "glass")}}))
    assert [(c.id, c.name, c.isthing) for c in named.config.categories] == [(1, "person", True), (2, "glass", True)]
    with pytest.raises(CheckpointError, match=r"class head of 2 classes, but no classes are named.*model\.categories"):
        load_model(directory({"state_dict": weights}))
    with pytest.raises(CheckpointError, match="class head of 2 classes, but 133 classes are named"):
        load_model(directory({"state_dict": weights, "meta": {"CLASSES": NAMES}}))


CELL = {"id": 5, "name": "cell", "isthing": True, "color": [1, 2, 3]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "model.categories: category ids must differ; 5 is among"),
        ({"id": 9, "color": [1, 2, 300]}, r"model\.categories: colors must hold .* 'cell' has \[1, 2, 300\]"),
        ({"id": 9, "color": [1, 2]}, "colors must hold"),
        ({"id": -9}, "category ids must lie between"),
        ({"color": None}, "color must be a list"),
    ],
)
def test_mistakes_in_categories(directory, change, message):
    config = dataclasses.replace(SMALL, categories=COCO_PANOPTIC[:2])
    weights = MMDET2.keymap.write(random_model(config).state_dict())
    with pytest.raises(ConfigError, match=message):
        load_model(directory({"state_dict": weights}, model={"categories": [CELL, {**CELL, **change}]}))
    with pytest.raises(ConfigError, match=r"model\.categories: isthing, color must be given"):
        load_model(directory({"state_dict": weights}, model={"categories": [CELL, {"id": 1, "name": "a"}]}))


def test_many_categories_are_counted(directory, weights, monkeypatch):
    read = []
    monkeypatch.setattr(load, "from_mapping", lambda *arguments: read.append(1) or from_mapping(*arguments))
    with pytest.raises(CheckpointError, match="class head of 133 classes, but 10000 classes are named"):
        load_model(directory({"state_dict": weights}, model={"categories": [CELL] * 10_000}))
    assert len(read) == 133


def test_task_as_configured(directory, weights):
    content = {"meta": {"CLASSES": NAMES}, "state_dict": weights}
    assert load_model(directory(content)).config.task == "panoptic"
    assert load_model(directory(content, model={"task": "semantic"})).config.task == "semantic"
    content["meta"] = {"dataset_meta": {"classes": NAMES}, "cfg": "num_things_classes = 133\nnum_stuff_classes = 0\n"}
    assert load_model(directory(content)).config.task == "instance"


def test_postprocessing_as_configured(directory, weights):
    content = {"meta": {"CLASSES": NAMES}, "state_dict": weights}
    model = load_model(directory(content, model={"postprocess": {"max_instances": 10}}))
    assert model.config.postprocess == PostprocessConfig(max_instances=10)


def test_resnet(directory):
    weights = EASYCV.keymap.write(random_model(SMALL_RESNET).state_dict())
    model = load_model(directory({"meta": {"CLASSES": NAMES}, "state_dict": weights}))
    assert model.config == SMALL_RESNET
    assert mapped_file(model.backbone.body.conv1.weight).endswith("pytorch_model.pt")
    content = {"meta": {"CLASSES": NAMES}, "state_dict": weights}
    config = load_model(directory(content, model={"architecture": {"stride_in_1x1": True}})).config
    assert config.backbone == ResNetConfig(stride_in_1x1=True)


def test_the_configuration_has_the_last_word(tmp_path):
    """Over what a file of ours says in its header."""
    told = dataclasses.replace(SMALL, task="semantic", preprocess=PreprocessConfig(short_side=480, long_side=800))
    save_file(random_model().state_dict(), tmp_path / "model.safetensors", metadata=to_header(told))
    assert load_model(tmp_path / "model.safetensors").config == told
    configuration = {"model": {"task": "instance"}, "preprocessor": {"long_side": 900}}
    (tmp_path / "configuration.json").write_text(json.dumps(configuration))
    expected = PreprocessConfig(short_side=480, long_side=900)
    assert load_model(tmp_path).config == dataclasses.replace(told, task="instance", preprocess=expected)


def test_a_header_of_another_shape(tmp_path):
    header = {"modelscope_swinpan": json.dumps({"model": {"architecture": 3}})}
    save_file(random_model().state_dict(), tmp_path / "model.safetensors", metadata=header)
    with pytest.raises(ConfigError, match=r"model\.safetensors: model\.architecture must be an object; found int"):
        load_model(tmp_path / "model.safetensors")


def test_detectron2_pickle(tmp_path):
    weights = DETECTRON2.keymap.write(random_model().state_dict())
    content = {"model": {key: tensor.numpy() for key, tensor in weights.items()}, "__author__": "x"}
    (tmp_path / "model_final_f07440.pkl").write_bytes(pickle.dumps(content))
    (tmp_path / "configuration.json").write_text("{}")
    with pytest.warns(UserWarning, match="names no classes"):
        model = load_model(tmp_path)
    assert model.config == SMALL
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in random_model().state_dict().items())


def drop(weights, key):
    return {name: tensor for name, tensor in weights.items() if name != key}


QUERIES = "panoptic_head.query_embed.weight"
CLASSES = "panoptic_head.cls_embed.bias"
DROPPED = "panoptic_head.transformer_decoder.layers.1.norms.2.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: drop(w, DROPPED), "1 missing: transformer_decoder.layers.1.norm3.bias"),
        (
            lambda w: {**w, "panoptic_head.extra": torch.ones(1)},
            r"1 of \d+ keys are unknown \(panoptic_head.extra",
        ),
        (lambda w: {**w, QUERIES: torch.ones(3, 64)}, r"1 mis-shaped: transformer_decoder.query_pos \(found \(3, 64\)"),
        (lambda w: drop(w, QUERIES), "missing: transformer_decoder.query_pos"),
        (lambda w: drop(w, "backbone.patch_embed.norm.weight"), "architecture cannot be read off"),
        (lambda w: drop(w, CLASSES), r"architecture cannot be read off \(KeyError: .*class_head"),
        (lambda w: {**w, CLASSES: torch.ones(())}, r"architecture cannot be read off \(IndexError"),
        (lambda w: {**w, QUERIES: w[QUERIES].long()}, r"no floating-point numbers: transformer_decoder\.query_pos"),
        (lambda _: {"fc.weight": torch.ones(3)}, "not a Mask2Former checkpoint"),
        (lambda _: {}, "holds no state_dict"),
    ],
)
def test_checkpoints_of_another_model(directory, weights, change, message):
    with pytest.raises(CheckpointError, match=message):
        load_model(directory({"state_dict": change(weights), "meta": {"CLASSES": NAMES}}))


def test_heads_that_do_not_divide_the_channels(directory, weights):
    tables = [key for key in weights if key.startswith("backbone.stages.0") and key.endswith("bias_table")]
    changed = {**weights, **{key: torch.zeros(49, 3) for key in tables}}
    with pytest.raises(CheckpointError, match=r"no model has these sizes \(3 heads do not divide 32 channels\)"):
        load_model(directory({"state_dict": changed, "meta": {"CLASSES": NAMES}}))


def test_a_list(directory):
    with pytest.raises(CheckpointError, match="holds a list; expected a dict"):
        load_model(directory([1, 2]))


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ('{"preprocessor": {"shortside": 1}}', "preprocessor: unknown option 'shortside'. Did you mean 'short_side'"),
        ('{"preprocessor": [1]}', "preprocessor must be an object; found list"),
        ('{"model": {"architecture": {"heads": 8}}}', "unknown option 'heads'"),
        ('{"model": {"architecture": {"num_heads": 3}}}', "has the true num_heads and num_points"),
        ('{"model": {"architecture": {"num_heads": "8"}}}', "must be a positive int"),
        ('{"model": {"architecture": {"stride_in_1x1": 1}}}', "stride_in_1x1 must be true or false; got 1"),
        ('{"model": {"architecture": {"stride_in_1x1": true}}}', "only a ResNet has stride_in_1x1"),
        ('{"model": {"task": "detection"}}', "model.task must be one of panoptic, instance, semantic; got 'detection'"),
        ('{"model": {"task": ["panoptic"]}}', "model.task must be one of"),
        ('{"model": {"postprocess": 0.8}}', "model.postprocess must be an object; found float"),
        ('{"model": {"postprocess": {"max_instance": 3}}}', "Did you mean 'max_instances'"),
        ('{"model": {"weights": "../other.pt"}}', "must be a path inside the model directory"),
        ('{"model": {"weights": "/etc/passwd"}}', "must be a path inside the model directory"),
        ('{"model": {"weights": 3}}', "must be a path inside the model directory"),
        ('{"model": {"categories": [3]}}', "must be a list of objects"),
        ('{"model": {"categories": [{"id": 1, "names": "a"}]}}', "unknown option 'names'. Did you mean 'name'"),
        ("[]", "must hold a JSON object; found list"),
        ("{", "Cannot read"),
        ("[" * 100_000, "Cannot read"),
    ],
)
def test_mistakes_in_the_configuration(tmp_path, tiny, configuration, message):
    shutil.copy(tiny / "pytorch_model.pt", tmp_path)
    (tmp_path / "configuration.json").write_text(configuration)
    with pytest.raises(ConfigError, match=message):
        load_model(tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(ConfigError, match="no model directory: it has no configuration"):
        load_model(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        load_model(tmp_path / "model.pt")
    (tmp_path / "configuration.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.pt: no such file"):
        load_model(tmp_path)


def test_dtype_and_device(tiny):
    model = load_model(tiny, dtype="bfloat16")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    with pytest.raises(ConfigError, match="dtype must be one of float32, bfloat16, float16; got 'int8'"):
        load_model(tiny, dtype="int8")
    for name in ("nonsense", "meta", "hpu"):
        with pytest.raises(ConfigError, match=f"device '{name}' cannot be used on this machine"):
            load_model(tiny, device=name)
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"device 'gpu' cannot be used on this machine.*Try device='cpu'"):
            load_model(tiny, device="gpu")


def test_the_current_gpu_is_meant_in_all_threads(monkeypatch):
    """The model is moved in a thread of its own, whose current GPU is the first one."""
    second = torch.device("cuda", 1)
    there = SimpleNamespace(cpu=lambda: None, device=second)
    monkeypatch.setattr(torch, "zeros", lambda number, device: there if device == torch.device("cuda") else None)
    assert load.parse_device("gpu") == second


def test_the_repository_itself_is_a_model_directory():
    from tests.conftest import ROOT

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_model(ROOT).config.backbone.embed_dim == 32
