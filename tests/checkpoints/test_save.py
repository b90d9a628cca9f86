"""Every form loads again, bit for bit, and is what the package it is meant for reads."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.categories import Category
from modelscope_swinpan.checkpoints.dialects import writable
from modelscope_swinpan.checkpoints.files import safetensors
from modelscope_swinpan.config import (
    PixelDecoderConfig,
    PostprocessConfig,
    PreprocessConfig,
    TransformerDecoderConfig,
)
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.models.backbones.swin import SwinConfig
from tests.builders import SMALL, SMALL_RESNET, random_model
from tests.conftest import ROOT

FORMS = ("native", "mmdet", "transformers")
CUSTOM = dataclasses.replace(
    SMALL,
    task="instance",
    categories=(Category(7, 'a [strange] "name" {}', True, (1, 2, 3)), Category(9, "größer", True, (4, 5, 6))),
    preprocess=PreprocessConfig(short_side=480, long_side=640, mean=(1.5, 2.0, 3.0), size_divisor=64),
    postprocess=PostprocessConfig(object_mask_threshold=0.3, max_instances=7),
)


def same(ours, theirs):
    return list(ours) == list(theirs) and all(
        ours[key].dtype == tensor.dtype and torch.equal(ours[key], tensor) for key, tensor in theirs.items()
    )


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.mark.parametrize("config", [SMALL, CUSTOM], ids=["coco", "custom"])
def test_round_trip(tmp_path, form, config):
    model = random_model(config)
    save_pretrained(model, tmp_path / "new" / "directory", form=form)
    loaded = load_model(tmp_path / "new" / "directory")
    assert loaded.config == config
    assert same(loaded.state_dict(), model.state_dict())


@pytest.mark.parametrize("form", ["native", "mmdet"])
def test_round_trip_of_a_resnet(tmp_path, form):
    config = dataclasses.replace(SMALL_RESNET, backbone=dataclasses.replace(SMALL_RESNET.backbone, stride_in_1x1=True))
    model = random_model(config)
    save_pretrained(model, tmp_path, form=form)
    loaded = load_model(tmp_path)
    assert loaded.config == config
    assert same(loaded.state_dict(), model.state_dict())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_round_trip_of_other_dtypes(tmp_path, form, dtype):
    model = random_model().to(getattr(torch, dtype))
    save_pretrained(model, tmp_path, form=form)
    assert same(load_model(tmp_path, dtype=dtype).state_dict(), model.state_dict())


def test_from_form_to_form(tmp_path):
    """Through all of them and over themselves, while the model of the file that is replaced is in use."""
    original = random_model(CUSTOM).state_dict()
    model = random_model(CUSTOM)
    for form in (*FORMS, "native", "native"):
        save_pretrained(model, tmp_path, form=form)
        model = load_model(tmp_path)
    assert same(model.state_dict(), original)
    assert model.config == CUSTOM


class TestMmdet:
    def test_is_what_upstream_writes(self, tmp_path, tiny):
        """The tiny model was written by mmdetection 2.28.2."""
        save_pretrained(load_model(tiny), tmp_path, form="mmdet")
        ours, theirs = (torch.load(folder / "pytorch_model.pt") for folder in (tmp_path, tiny))
        assert ours["meta"]["CLASSES"] == [name.strip() for name in theirs["meta"]["CLASSES"]]
        ours, theirs = (dict(sorted(content["state_dict"].items())) for content in (ours, theirs))
        assert same(ours, theirs)

    def test_a_resnet_has_what_strict_loading_asks_for(self, tmp_path):
        from torchvision.models import resnet50

        save_pretrained(random_model(SMALL_RESNET), tmp_path, form="mmdet", weights="a.pth")
        weights = torch.load(tmp_path / "a.pth")["state_dict"]
        found = {key.removeprefix("backbone."): value for key, value in weights.items() if key.startswith("backbone.")}
        expected = resnet50().state_dict()
        assert set(found) == {key for key in expected if not key.startswith("fc.")}
        assert all(found[key].shape == expected[key].shape and found[key].dtype == expected[key].dtype for key in found)

    def test_no_more_than_the_weights(self, tmp_path):
        """Also where the weights lie in one large mapping of another file."""
        save_pretrained(random_model(), tmp_path / "native")
        save_pretrained(load_model(tmp_path / "native"), tmp_path / "mmdet", form="mmdet")
        sizes = [next(tmp_path.glob(f"{form}/*model*")).stat().st_size for form in ("native", "mmdet")]
        assert sizes[1] < 1.1 * sizes[0] + 300_000  # the index, padding, and the position indices


def test_an_unknown_form(tmp_path):
    with pytest.raises(ConfigError, match="form must be one of mmdet, transformers, native; got 'onnx'"):
        save_pretrained(random_model(), tmp_path / "new", form="onnx")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(SMALL, transformer_decoder=TransformerDecoderConfig(num_layers=1, ffn_dim=8, num_heads=4)),
        dataclasses.replace(SMALL, pixel_decoder=PixelDecoderConfig(num_layers=1, ffn_dim=8, num_heads=4)),
    ],
)
def test_what_no_form_has_words_for(tmp_path, form, config):
    with pytest.raises(CheckpointError, match="a checkpoint has one number for both"):
        save_pretrained(random_model(config), tmp_path / "new", form=form)


def test_a_config_that_is_not_that_of_the_weights(tmp_path, form):
    model = random_model()
    model.config = dataclasses.replace(SMALL, backbone=SwinConfig())
    with pytest.raises(CheckpointError, match="does not fit its weights"):
        save_pretrained(model, tmp_path, form=form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["native", "mmdet"])
def test_a_failed_write_leaves_the_former_files(tmp_path, form, monkeypatch):
    save_pretrained(random_model(), tmp_path, form=form)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def disk_full(*arguments, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(safetensors, "write_safetensors", disk_full)
    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save_pretrained(random_model(CUSTOM), tmp_path, form=form)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(form):
    """As the system tells it, whoever does the writing."""
    model, (dialect, writer) = random_model(), writable(form)
    with pytest.raises(OSError, match=r"full|space|write"):
        writer.write(Path("/dev/full"), dialect.keymap.write(model.state_dict()), model.config)


MEMORY = """
import re, sys
from modelscope_swinpan import save_pretrained, load_model
def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
model = load_model(sys.argv[1])
for parameter in model.parameters():
    parameter.sum()
for form in ("native", "mmdet", "transformers"):
    open("/proc/self/clear_refs", "w").write("5")
    before = kilobytes("VmRSS")
    save_pretrained(model, sys.argv[2] + "/" + form, form=form)
    print(form, 1024 * (kilobytes("VmHWM") - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures the way Linux does")
def test_the_weights_are_not_held_twice(tmp_path):
    """Some 60 MB of them."""
    config = dataclasses.replace(SMALL, transformer_decoder=TransformerDecoderConfig(num_layers=4, ffn_dim=30_000))
    save_pretrained(random_model(config), tmp_path / "native")
    size = (tmp_path / "native" / "model.safetensors").stat().st_size
    command = [sys.executable, "-c", MEMORY, tmp_path / "native", tmp_path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        form, more = line.split()
        assert int(more) < size / 2, (form, size)


def test_the_same_model_gives_the_same_bytes(tmp_path, form):
    """Whatever names its files have while they are written."""
    for name in ("a", "b"):
        save_pretrained(random_model(), tmp_path / name, form=form)
    first, second = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second
