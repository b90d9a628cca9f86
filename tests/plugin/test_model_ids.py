"""What names a model in ModelScope's own ``pipeline()``; ids of the hub are in ``test_hub.py``."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelscope_swinpan.errors import CheckpointError, ConfigError

from .loopback import WEIGHTS


@pytest.fixture
def given(segmentor: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Any]]:
    """The model and the name of the pipeline that ModelScope gets of a call."""
    from modelscope_swinpan.plugin import model_ids

    monkeypatch.setattr(model_ids, "_original", lambda task, model, *_, pipeline_name=None: (model, pipeline_name))
    return model_ids.build


def test_a_checkpoint_needs_no_configuration(build: Callable[..., Any], model_dir: Path, photo: Path) -> None:
    assert build(str(model_dir / WEIGHTS))(str(photo))["labels"]


def test_a_directory_that_nothing_describes(build: Callable[..., Any], model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"it has no configuration\.json\. Give the file of weights itself"):
        build(str(tmp_path))
    shutil.copy(model_dir / WEIGHTS, tmp_path)
    with pytest.raises(ConfigError, match="swinpan convert"):
        build([str(tmp_path)])
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(CheckpointError, match="not a PyTorch checkpoint"):
        build(str(tmp_path / "notes.txt"))


def test_the_hub_is_not_asked_about_a_directory_of_ours(
    given: Callable[..., Any], model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ModelScope takes a relative path such as 'damo/model' for an id as well."""
    monkeypatch.chdir(model_dir.parent.parent)
    relative = f"{model_dir.parent.name}/{model_dir.name}"
    assert given("image-segmentation", relative) == (str(model_dir), None)
    assert given("image-segmentation", f"{relative}/{WEIGHTS}")[0] == str(model_dir / WEIGHTS)


@pytest.mark.parametrize("name", ["configuration.json", "config.json"])
def test_models_of_others_are_left_alone(
    given: Callable[..., Any], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / name).write_text('{"model_type": "segformer"}')
    monkeypatch.chdir(tmp_path)
    assert given("image-segmentation", "theirs") == ("theirs", None)
    assert given("image-classification", ".") == (".", None)
