"""What ``swinpan export`` wrote, in ModelScope's pipeline and its server."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.inference.export import export_model
from modelscope_swinpan.plugin.opening import open_predictor
from tests.inference.test_exported import SMALLEST


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The form that is written fastest; it is the one that must be trusted."""
    file = tmp_path_factory.mktemp("exported") / "model.pt2"
    export_model(SMALLEST, file, to="torch", size=(64, 96))
    return file


@pytest.mark.parametrize("by_name", [True, False])
def test_the_pipeline_runs_it(program: Path, photo: Path, segmentor: Any, by_name: bool) -> None:
    from modelscope.pipelines import pipeline

    from modelscope_swinpan.plugin.pipeline import SwinPanPipeline

    options = {"model": str(program), "trust_remote_code": True, "subtask": "semantic"}
    if by_name:
        built = pipeline("image-segmentation", pipeline_name="image-panoptic-segmentation", **options)
    else:
        built = SwinPanPipeline(**options)
    expected = PanopticPredictor(SMALLEST, task="semantic").predict([decode_image(photo)])[0]
    found = built(str(photo))
    assert found["labels"] == [segment.label for segment in expected.segments]
    assert np.mean(found["panoptic_seg"] == expected.panoptic_seg) > 0.999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "may run code that is in it"),
        ({"trust_remote_code": True, "dtype": "bfloat16"}, "an exported file has its own number format"),
    ],
)
def test_what_the_pipeline_refuses(program: Path, segmentor: Any, options: dict[str, Any], message: str) -> None:
    from modelscope_swinpan.plugin.pipeline import SwinPanPipeline

    with pytest.raises(ConfigError, match=message):
        SwinPanPipeline(str(program), **options)


def test_a_model_directory_names_it(program: Path, build: Any, photo: Path, tmp_path: Path) -> None:
    """ModelScope's own pipeline, its server, and ours."""
    from modelscope.models import Model
    from modelscope.server.core import event_handlers

    configuration = {
        "framework": "pytorch",
        "task": "image-segmentation",
        "pipeline": {"type": "image-panoptic-segmentation"},
        "model": {"type": "swinL-panoptic-segmentation", "weights": program.name},
    }
    shutil.copy(program, tmp_path)
    (tmp_path / "configuration.json").write_text(json.dumps(configuration))
    expected = PanopticPredictor(SMALLEST, task="semantic").predict([decode_image(photo)])[0]
    found = build(str(tmp_path), trust_remote_code=True)(str(photo), subtask="semantic")
    assert found["labels"] == [segment.label for segment in expected.segments]
    for refused in (build, lambda model: event_handlers.create_pipeline(model, "master", True), open_predictor):
        with pytest.raises(ConfigError, match="is a PyTorch program"):
            refused(str(tmp_path))
    with pytest.raises(CheckpointError, match="is an exported file by its suffix"):
        Model.from_pretrained(str(tmp_path))


def test_the_server_finds_it_without_the_hub(program: Path, segmentor: Any) -> None:
    """Its folder, too; a program is not trusted there."""
    from modelscope.server.core import event_handlers

    for model in (program, program.parent):
        with pytest.raises(ConfigError, match="is a PyTorch program"):
            event_handlers.create_pipeline(str(model), "master", True)
