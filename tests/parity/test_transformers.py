"""A witness that shares no code with upstream or us: the transformers package's Mask2Former with the same weights."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Mask2FormerConfig as TheirConfig
from transformers import Mask2FormerForUniversalSegmentation, Mask2FormerImageProcessor, SwinConfig

from modelscope_swinpan import load_model
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.checkpoints.architecture import infer_config
from modelscope_swinpan.checkpoints.dialects.transformers import TRANSFORMERS
from modelscope_swinpan.checkpoints.load import build
from modelscope_swinpan.config import PreprocessConfig
from tests.conftest import relative_error
from tests.parity.full_size import CONSTANTS, convert, errors, pixel_values, rebuild


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    backbone = SwinConfig(
        embed_dim=32,
        depths=[2, 2, 2, 2],
        num_heads=[2, 4, 8, 16],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        drop_path_rate=0.0,
    )
    config = TheirConfig(
        backbone_config=backbone,
        feature_size=64,
        mask_feature_size=64,
        hidden_dim=64,
        encoder_feedforward_dim=96,
        encoder_layers=3,
        decoder_layers=7,  # they count the prediction before the first layer too
        dim_feedforward=128,
        num_attention_heads=8,
        num_queries=30,
        id2label={label: category.name for label, category in enumerate(COCO_PANOPTIC)},
    )
    model = Mask2FormerForUniversalSegmentation(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 or "bias_table" in name or "embed" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


@pytest.fixture(scope="module")
def ours(theirs):
    weights, unknown = TRANSFORMERS.keymap.read(theirs.state_dict())
    assert unknown == []
    return build(infer_config(weights, {}, "transformers"), weights, "transformers")


# From 160 pixels on every stage has more than one window, so that transformers shifts them as upstream does. The seed
# is one whose masks have no logit within rounding of 0: where attention is blocked hangs on its sign.
@pytest.mark.parametrize("shape", [(1, 3, 160, 192), (2, 3, 192, 320)])
def test_logits(theirs, ours, shape):
    pixel_values = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = theirs(pixel_values, output_auxiliary_logits=True)
        found = ours(pixel_values, return_aux=True)
    assert relative_error(found.class_logits, expected.class_queries_logits) < 1e-5
    assert relative_error(found.mask_logits, expected.masks_queries_logits) < 1e-5
    assert len(found.aux_outputs) == len(expected.auxiliary_logits)
    for (class_logits, mask_logits), auxiliary in zip(found.aux_outputs, expected.auxiliary_logits, strict=True):
        assert relative_error(class_logits, auxiliary["class_queries_logits"]) < 1e-5
        assert relative_error(mask_logits, auxiliary["masks_queries_logits"]) < 1e-5


def test_weights_go_back_unchanged(theirs, ours, tmp_path):
    written = TRANSFORMERS.keymap.write(ours.state_dict())
    theirs.save_pretrained(tmp_path)
    original = load_file(tmp_path / "model.safetensors")
    assert written.keys() == original.keys()
    constants = {key for key in original if key.endswith(CONSTANTS)}
    assert len(constants) == 3
    assert all(torch.equal(original[key], tensor) for key, tensor in written.items() if key not in constants)


@pytest.fixture(params=["safetensors", "sharded", "bin", "bin of version 5's keys", "sharded bin"])
def saved(request, theirs, tmp_path):
    """A directory as the package, or its version 4, writes it."""
    shards = {"max_shard_size": "1MB"} if "sharded" in request.param else {}
    theirs.save_pretrained(tmp_path, **shards)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert (len(files) > 1) == ("sharded" in request.param)
    if "bin" in request.param:
        for file in files:
            torch.save(load_file(file), file.with_name(file.name.replace("model", "pytorch_model")).with_suffix(".bin"))
            file.unlink()
        for index in tmp_path.glob("*.index.json"):
            text = index.read_text().replace("model-", "pytorch_model-").replace(".safetensors", ".bin")
            (tmp_path / "pytorch_model.bin.index.json").write_text(text)
            index.unlink()
    if "version 5" in request.param:
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    return tmp_path


def test_directories_of_theirs(theirs, ours, saved):
    Mask2FormerImageProcessor(size={"shortest_edge": 480, "longest_edge": 800}).save_pretrained(saved)
    model = load_model(saved)
    assert model.config.preprocess == PreprocessConfig(short_side=480, long_side=800)
    assert (model.config.categories, model.config.task) == (COCO_PANOPTIC, "panoptic")
    found = model.state_dict()
    assert all(torch.equal(found[key], tensor) for key, tensor in ours.state_dict().items())


def test_a_file_with_its_config_beside_it(theirs, tmp_path):
    """Heads are not to be seen from the weights."""
    theirs.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["num_attention_heads"] = 16
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = load_file(tmp_path / "model.safetensors")
    for key in list(weights):  # twice the heads sample twice the points
        if "sampling_offsets" in key or "attention_weights" in key:
            weights[key] = torch.cat([weights[key]] * 2)
    save_file(weights, tmp_path / "model.safetensors")
    config = load_model(tmp_path / "model.safetensors").config
    assert (config.pixel_decoder.num_heads, config.transformer_decoder.num_heads) == (16, 16)


@pytest.fixture
def full_size(request, tmp_path):
    """The full-size model that mmdetection was asked about, as a directory of the package's."""
    reference = request.config.getoption("reference")
    (tmp_path / "mmdet").mkdir()
    rebuild(reference, "swinl-mmdet2", tmp_path / "mmdet")
    convert(reference, tmp_path / "mmdet", "swinl-transformers", TRANSFORMERS, tmp_path)
    backbone = SwinConfig(
        embed_dim=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        window_size=12,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    names = {label: category.name for label, category in enumerate(COCO_PANOPTIC)}
    TheirConfig(backbone_config=backbone, num_queries=200, id2label=names).save_pretrained(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)  # 1.7 GB


@pytest.mark.reference
def test_full_size(full_size, request, many_threads):
    """The package, mmdetection and we, of one opinion."""
    reference = request.config.getoption("reference")
    expected = np.load(reference / "logits" / "swinl-mmdet2.npz")
    ours = load_model(full_size)
    images = pixel_values(reference, ours.config.preprocess)
    with torch.inference_mode():
        found = ours(images)
        theirs = Mask2FormerForUniversalSegmentation.from_pretrained(full_size).eval()(images)
    measured = {
        "theirs against mmdetection": errors(theirs.class_queries_logits, theirs.masks_queries_logits, expected),
        "ours against theirs": {
            "class_logits": relative_error(found.class_logits, theirs.class_queries_logits),
            "mask_logits": relative_error(found.mask_logits, theirs.masks_queries_logits),
        },
    }
    print(json.dumps(measured))
    assert max(error for pair in measured.values() for error in pair.values()) <= 1e-4
