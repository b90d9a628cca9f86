"""``pipeline()`` over what ``save_pretrained`` writes, ours and ModelScope's."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.errors import ConfigError


@pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
def test_every_form(
    form: str, build: Callable[..., Any], segmentor: Any, model_dir: Path, photo: Path, tmp_path: Path
) -> None:
    save_pretrained(load_model(model_dir), tmp_path, form=form)
    result = build(str(tmp_path), device="cpu")(str(photo))
    expected = segmentor(str(photo))
    assert result["labels"] == expected["labels"]
    assert result["scores"] == expected["scores"]
    assert np.array_equal(result["panoptic_seg"], expected["panoptic_seg"])


@pytest.fixture
def from_pretrained(segmentor: Any) -> Callable[..., Any]:
    """ModelScope's, with the plugin in place."""
    from modelscope.models import Model

    return Model.from_pretrained


@pytest.fixture(params=["from_pretrained", "pipeline"])
def changed(
    request: pytest.FixtureRequest, from_pretrained: Callable[..., Any], build: Callable[..., Any], model_dir: Path
) -> Any:
    """ModelScope's model of a directory, its weights changed as by training."""
    loaded = from_pretrained if request.param == "from_pretrained" else lambda path: build(path, device="cpu").model
    model = loaded(str(model_dir))
    with torch.no_grad():
        model.model.transformer_decoder.class_head.bias[5] += 3
    return model


@pytest.mark.parametrize("names", [None, "model.safetensors", "pytorch_model.pt", ["pytorch_model.bin"]])
def test_modelscopes_round_trip(
    names: Any, changed: Any, build: Callable[..., Any], from_pretrained: Callable[..., Any], tmp_path: Path
) -> None:
    changed.save_pretrained(str(tmp_path / "new"), names)

    assert len(list((tmp_path / "new").iterdir())) == 2  # the old weights are not copied along
    expected = changed.model.state_dict()
    for again in (from_pretrained(str(tmp_path / "new")), build(str(tmp_path / "new"), device="cpu").model):
        assert again.model.config == changed.model.config
        found = again.model.state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_into_the_directory_it_came_from(from_pretrained: Callable[..., Any], model_dir: Path, tmp_path: Path) -> None:
    """The weights are mapped from the file that is replaced."""
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    for name in (None, "pytorch_model.pt"):
        model = from_pretrained(str(directory))
        before = {key: tensor.clone() for key, tensor in model.model.state_dict().items()}
        model.save_pretrained(directory, name)
        again = from_pretrained(str(directory)).model.state_dict()
        assert all(torch.equal(again[key], tensor) for key, tensor in before.items())


def test_entries_that_say_nothing_of_the_model_stay(
    from_pretrained: Callable[..., Any], model_dir: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    file = directory / "configuration.json"
    told = {**json.loads(file.read_text()), "license": "mine", "allow_remote": True}
    file.write_text(json.dumps(told))
    model = from_pretrained(str(directory), trust_remote_code=True)
    model.save_pretrained(tmp_path / "a")
    kept = json.loads((tmp_path / "a" / "configuration.json").read_text())
    assert kept["license"] == "mine"
    assert kept["preprocessor"]["short_side"] == 224
    assert not {"allow_remote", "plugins"} & kept.keys()
    model.save_pretrained(tmp_path / "b", config={"license": "yours", "model": {"weights": "other.pt"}})
    kept = json.loads((tmp_path / "b" / "configuration.json").read_text())
    assert (kept["license"], kept["model"]["weights"]) == ("yours", "model.safetensors")
    model.save_pretrained(tmp_path / "c", config=model.cfg)
    assert json.loads((tmp_path / "c" / "configuration.json").read_text())["license"] == "mine"


@pytest.mark.parametrize("names", ["weights", "../a.pt", "a.pkl", ["a.pt", "b.pt"], "a.json"])
def test_names_that_no_file_of_weights_has(
    names: Any, from_pretrained: Callable[..., Any], model_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="file"):
        from_pretrained(str(model_dir)).save_pretrained(tmp_path / "new", names)
    assert not (tmp_path / "new").exists()


def test_a_list_of_one_model(
    build: Callable[..., Any], from_pretrained: Callable[..., Any], segmentor: Any, model_dir: Path, photo: Path
) -> None:
    expected = segmentor(str(photo))["labels"]
    assert build([str(model_dir)], device="cpu")(str(photo))["labels"] == expected
    assert build([from_pretrained(str(model_dir))], device="cpu")(str(photo))["labels"] == expected
