"""Model directories whose configuration is no file: whoever reads it waits for ever, or fills the disk."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelscope_swinpan.errors import ConfigError

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names"),
]


@pytest.fixture(params=["pipe", "device"])
def endless(model_dir: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    shutil.copytree(model_dir, tmp_path / "a" / "model")
    file = tmp_path / "a" / "model" / "configuration.json"
    file.unlink()
    if request.param == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    return file.parent


def test_nothing_reads_it(endless: Path, segmentor: Any) -> None:
    from modelscope.models import Model
    from modelscope.pipelines import pipeline
    from modelscope.trainers import build_trainer
    from modelscope.utils.config import Config
    from modelscope.utils.constant import Tasks

    from modelscope_swinpan import load_model

    file = endless / "configuration.json"
    for read in (
        lambda: load_model(endless),
        lambda: Config.from_file(file),
        lambda: Config.from_file(filename=str(file)),
        lambda: pipeline(Tasks.image_segmentation, model=str(endless)),
        lambda: pipeline(Tasks.image_segmentation, str(endless), pipeline_name="image-panoptic-segmentation"),
        lambda: Model.from_pretrained(str(endless)),
        lambda: build_trainer("image-panoptic-segmentation", {"model": str(endless), "train_dataset": []}),
    ):
        with pytest.raises(ConfigError, match=r"Cannot read .*configuration\.json: it is no file"):
            read()


def test_other_files_are_read(model_dir: Path, segmentor: Any, tmp_path: Path) -> None:
    from modelscope.utils.config import Config

    assert Config.from_file(str(model_dir / "configuration.json")).task == "image-segmentation"
    with pytest.raises(ValueError, match="not exist"):
        Config.from_file(str(tmp_path / "nowhere.json"))
