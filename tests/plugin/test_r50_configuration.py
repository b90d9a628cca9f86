"""The R50 model by its hub id: no pai-easycv, no pip, and the trust in others untouched."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from . import isolated
from .loopback import LoopbackHub

R50_ID = "damo/cv_r50_panoptic-segmentation_cocopan"


@pytest.fixture(scope="module")
def r50_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with the R50 model's configuration, as its hub page has it."""
    return write_r50(tmp_path_factory.mktemp("r50"), ["pai-easycv"])


def write_r50(directory: Path, plugins: Any, **changes: Any) -> Path:
    from modelscope_swinpan.benchmark.random_model import write_random_model
    from modelscope_swinpan.models.backbones.resnet import ResNetConfig
    from tests.builders import SMALL

    config = SMALL.__class__(**{**SMALL.__dict__, "backbone": ResNetConfig()})
    write_random_model(directory, config, form="mmdet")
    configuration = {
        "framework": "pytorch",
        "task": "image-segmentation",
        "pipeline": {"type": "image-panoptic-segmentation-easycv"},
        "model": {"type": "r50-panoptic-segmentation"},
        "preprocessor": {"short_side": 128, "long_side": 224},
        "plugins": plugins,
        **changes,
    }
    (directory / "configuration.json").write_text(json.dumps(configuration))
    return directory


def _answer(model: str, photo: str) -> tuple[list[str], str, list[str]]:
    """The answer's keys, the backbone's class, and the programs that were started on the way."""
    import subprocess

    started: list[str] = []
    popen = subprocess.Popen.__init__

    def noting(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        started.append(str(args))
        popen(self, args, *rest, **options)

    subprocess.Popen.__init__ = noting  # type: ignore[method-assign]

    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    import modelscope_swinpan  # noqa: F401

    built = pipeline(Tasks.image_segmentation, model=model)
    return sorted(built(photo)), type(built.model.model.backbone).__name__, [line for line in started if "pip" in line]


def test_answers_by_its_hub_id(r50_dir: Path, photo: Path, tmp_path: Path) -> None:
    with LoopbackHub(r50_dir, model_id=R50_ID) as hub:
        env = {"MODELSCOPE_ENDPOINT": hub.url, "MODELSCOPE_CACHE": str(tmp_path / "cache")}
        keys, backbone, pips = isolated.call(_answer, R50_ID, str(photo), cwd=tmp_path, env=env)
    assert keys == ["boxes", "labels", "masks", "panoptic_seg", "scores", "segments_info"]
    assert backbone == "ResNet"
    assert pips == []


def test_from_pretrained(r50_dir: Path, segmentor: Any) -> None:
    from modelscope.models import Model

    assert type(Model.from_pretrained(str(r50_dir))) is type(segmentor.model)


# The '-' in the end keeps pip from installing anything: it makes them names that no package can have.
@pytest.mark.parametrize("plugins", [["pai-easycv", "evil-"], ["evil-"], "evil-", ["pai-easycv-"]])
def test_another_plugin_still_needs_trust(plugins: Any, build: Any, r50_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(r50_dir, tmp_path / "model")
    file = tmp_path / "model" / "configuration.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "plugins": plugins}))
    with pytest.raises(RuntimeError, match="trust_remote_code=True was not"):
        build(str(tmp_path / "model"))


def test_other_models_keep_their_request(tmp_path: Path, segmentor: Any) -> None:
    from modelscope.utils.config import Config

    file = tmp_path / "configuration.json"
    file.write_text(json.dumps({"model": {"type": "somebody-elses"}, "plugins": ["pai-easycv"]}))
    assert Config.from_file(str(file)).plugins == ["pai-easycv"]
    file.write_text(json.dumps({"model": {"type": "r50-panoptic-segmentation"}, "plugins": ["pai-easycv>=0.6", "b"]}))
    assert Config.from_file(str(file)).plugins == ["b"]
    file.write_text(json.dumps({"framework": "pytorch"}))
    assert Config.from_file(str(file)).safe_get("plugins") is None
