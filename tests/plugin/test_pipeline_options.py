"""Options of ``pipeline()`` and of its calls: which are taken, and how the others are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modelscope_swinpan.errors import CheckpointError, ConfigError, ImageError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"score": "real"},
            "unknown option 'score'. Did you mean 'scores'? Known options: batch_size, filter_low_score, ",
        ),
        ({"threshold": 0.5}, "unknown option 'threshold'"),
        ({"max_instances": 3}, "unknown option 'max_instances'"),
        ({"scores": "fake"}, "scores must be one of 'real', 'virtual'; got 'fake'"),
        ({"scores": None}, "got None"),
        ({"subtask": "things"}, "The task must be one of 'panoptic', 'instance', 'semantic'; got 'things'"),
        ({"task": "instance"}, "unknown option 'task'. Did you mean 'subtask'?"),
        ({"overlap_threshold": 2}, "overlap_threshold must lie between 0 and 1; got 2"),
        ({"overlap_threshold": "high"}, "overlap_threshold must be float; got 'high'"),
        ({"object_mask_threshold": float("nan")}, "object_mask_threshold must lie between 0 and 1"),
        ({"filter_low_score": 1}, "filter_low_score must be bool"),
    ],
)
def test_bad_call_options_are_named(segmentor: Any, photo: Path, options: dict[str, Any], said: str) -> None:
    for source in (str(photo), [str(photo)]):
        with pytest.raises(ConfigError) as raised:
            segmentor(source, **options)
        assert said in str(raised.value)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "2"])
def test_bad_batch_size_is_named(segmentor: Any, photo: Path, batch_size: Any) -> None:
    with pytest.raises(ConfigError, match="batch_size must be a whole number"):
        segmentor([str(photo)], batch_size=batch_size)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "half"}, "unknown option 'precision'"),
        ({"dtyp": "bfloat16"}, "unknown option 'dtyp'. Did you mean 'dtype'?"),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, float16; got 'int8'"),
        ({"device": "mps"}, "device must be"),
        ({"scores": "fake"}, "scores must be one of"),
        ({"subtask": "things"}, "The task must be one of"),
        ({"device_map": "auto"}, "device_map cannot be used"),
    ],
)
def test_bad_constructor_options_are_named(build: Any, model_dir: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build(str(model_dir), **options)
    assert said in str(raised.value)


def test_modelscopes_own_options_are_accepted(build: Any, model_dir: Path, photo: Path) -> None:
    seen = []

    def decode(source: Any) -> Any:
        seen.append(source)
        return np.zeros((40, 60, 3), np.uint8)

    built = build(
        str(model_dir),
        trust_remote_code=True,
        model_revision="v1",
        config_file=str(model_dir / "configuration.json"),
        device_map=None,
        auto_collate=True,
        preprocessor=decode,
        external_engine_for_llm=False,
    )

    assert built(str(photo))["panoptic_seg"].shape == (40, 60)
    assert seen == [str(photo)]


def test_compile_reaches_the_network(
    build: Any, segmentor: Any, model_dir: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wiring only: compiling takes minutes."""
    compiled, calls = [], []

    def fake_compile(forward: Any, **options: Any) -> Any:
        compiled.append(options)
        return lambda *args, **kwargs: calls.append(args) or forward(*args, **kwargs)

    monkeypatch.setattr(torch, "compile", fake_compile)
    built = build(str(model_dir), device="cpu", compile=True, compile_options={"backend": "eager"})

    assert built(str(photo))["labels"] == segmentor(str(photo))["labels"]
    assert compiled == [{"backend": "eager"}] * len(calls)  # once a layer
    assert len(calls) > 1


def test_dtype_of_a_loaded_model_cannot_be_asked_for(build: Any, segmentor: Any) -> None:
    with pytest.raises(ConfigError, match=r"pass dtype to Model\.from_pretrained"):
        build(segmentor.model, dtype="bfloat16")


def test_several_models_are_refused(build: Any, model_dir: Path) -> None:
    with pytest.raises(ConfigError, match="Expected one model"):
        build([str(model_dir), str(model_dir)])


def test_directory_without_a_model_section(build: Any, model_dir: Path, tmp_path: Path, photo: Path) -> None:
    """It names our pipeline: that is enough."""
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    configuration = json.loads((directory / "configuration.json").read_text())
    del configuration["model"]
    (directory / "configuration.json").write_text(json.dumps(configuration))

    assert build(str(directory))(str(photo))["labels"]


@pytest.mark.parametrize("source", ["nosuch.png", b"bytes", None, 3, ("a", "b"), {"picture": 1}, np.zeros((2, 2))])
def test_bad_images_are_image_errors(segmentor: Any, source: Any) -> None:
    for call in (lambda: segmentor(source), lambda: segmentor([source]), lambda: segmentor([source], batch_size=2)):
        with pytest.raises(ImageError):
            call()


def test_damaged_weights_are_a_checkpoint_error(build: Any, model_dir: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    (directory / "pytorch_model.pt").unlink()

    with pytest.raises(CheckpointError, match=r"pytorch_model\.pt"):
        build(str(directory))
