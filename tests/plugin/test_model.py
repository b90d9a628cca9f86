"""``Model.from_pretrained`` and what ModelScope hands to the model it builds."""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from modelscope_swinpan.errors import CheckpointError, ConfigError


@pytest.fixture(scope="module")
def modelscope_model() -> Any:
    """ModelScope's ``Model``, with the plugin in place."""
    from modelscope.models import Model

    import modelscope_swinpan  # noqa: F401

    return Model


def test_from_pretrained_gives_the_model_of_the_directory(modelscope_model: Any, model_dir: Path) -> None:
    model = modelscope_model.from_pretrained(str(model_dir))

    assert type(model).__module__ == "modelscope_swinpan.plugin.model"
    assert model.num_classes == len(model.CLASSES) == 133
    assert model.CLASSES[:8] == ("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck")
    assert model.model_dir == str(model_dir)
    with torch.inference_mode():
        answer = model(torch.zeros(1, 3, 64, 96))
    assert answer["class_logits"].shape[2] == 134
    assert answer["mask_logits"].shape[2:] == (16, 24)


def test_whatever_modelscope_passes_is_taken(modelscope_model: Any, model_dir: Path) -> None:
    model = modelscope_model.from_pretrained(
        str(model_dir), device="cuda", device_map=None, trust_remote_code=True, dtype="bfloat16", scores="real"
    )

    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("device", ["mps", "cuda:x", "", None, 0])
def test_unknown_device_is_named(device: Any, model_dir: Path) -> None:
    from modelscope_swinpan.plugin.model import SwinPanModel

    with pytest.raises(ConfigError, match="device must be") as raised:
        SwinPanModel(model_dir, device=device)
    assert repr(device) in str(raised.value)


def test_weights_are_mapped_not_copied(modelscope_model: Any, model_dir: Path) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    model = modelscope_model.from_pretrained(str(model_dir))

    spans = [line.split()[0].split("-") for line in maps.read_text().splitlines() if str(model_dir) in line]
    ranges = [(int(start, 16), int(end, 16)) for start, end in spans]
    copied = sum(
        parameter.nbytes
        for parameter in model.parameters()
        if not any(start <= parameter.data_ptr() < end for start, end in ranges)
    )
    assert copied < 0.1 * sum(parameter.nbytes for parameter in model.parameters())  # some are reordered


def test_nothing_in_the_directory_is_executed(modelscope_model: Any, model_dir: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    trap = f"open({str(tmp_path / 'executed')!r}, 'w').close()\nraise SystemExit('executed')\n"
    for name in ("config.py", "ms_wrapper.py", "setup.py", "modeling.py"):
        (directory / name).write_text(trap)

    modelscope_model.from_pretrained(str(directory))

    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("plugins", [["no-package-"], "no-package-"])
def test_plugins_need_trust(plugins: Any, modelscope_model: Any, model_dir: Path, tmp_path: Path) -> None:
    """The name can be no package's, as those end in a letter or a digit: versions without the gate install nothing."""
    directory = _with(model_dir, tmp_path / "model", plugins=plugins)

    with pytest.raises(RuntimeError, match="trust_remote_code"):
        modelscope_model.from_pretrained(str(directory))


def test_remote_code_needs_trust(modelscope_model: Any, model_dir: Path, tmp_path: Path) -> None:
    directory = _with(model_dir, tmp_path / "model", allow_remote=True)
    (directory / "ms_wrapper.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()")

    with suppress(RuntimeError):  # newer versions raise; older ones load the model, and leave the code alone
        modelscope_model.from_pretrained(str(directory))

    assert not (tmp_path / "executed").exists()
    modelscope_model.from_pretrained(str(directory), trust_remote_code=True)
    assert (tmp_path / "executed").exists()


def _with(model_dir: Path, directory: Path, **entries: Any) -> Path:
    """A copy of a model directory with other entries in its configuration."""
    shutil.copytree(model_dir, directory)
    file = directory / "configuration.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))
    return directory


def test_damaged_weights_are_a_checkpoint_error(modelscope_model: Any, model_dir: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    weights = directory / "pytorch_model.pt"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])

    with pytest.raises(CheckpointError, match="Fetch it again"):
        modelscope_model.from_pretrained(str(directory))
