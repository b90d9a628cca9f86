"""What the plugin's tests share: the small model, a photo, a pipeline over them, and a hub that serves them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHELSEA, TINY

from .loopback import LoopbackHub


@pytest.fixture(scope="session", autouse=True)
def _no_installs() -> Iterator[None]:
    """Some ModelScope versions have pip install what a configuration names: here it finds no package of that name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        yield


@pytest.fixture(scope="session")
def photo() -> Path:
    return CHELSEA


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory as the hub lays one out, for smaller and so faster images. Tests do not change it."""
    directory = tmp_path_factory.mktemp("models") / "model"
    directory.mkdir()
    shutil.copy(TINY / "pytorch_model.pt", directory)
    configuration = json.loads((TINY / "configuration.json").read_text())
    configuration["preprocessor"] = {"short_side": 224, "long_side": 384}
    (directory / "configuration.json").write_text(json.dumps(configuration))
    return directory


@pytest.fixture(scope="session")
def segmentor(model_dir: Path) -> Any:
    """ModelScope's pipeline, in this process."""
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    import modelscope_swinpan  # noqa: F401

    return pipeline(Tasks.image_segmentation, model=str(model_dir), device="cpu")


@pytest.fixture(scope="session")
def build(segmentor: Any) -> Callable[..., Any]:
    """ModelScope's ``pipeline()`` for our task."""
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    return lambda model, **options: pipeline(Tasks.image_segmentation, model=model, **options)


@pytest.fixture
def hub(model_dir: Path, photo: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub(model_dir, files={"photo.png": photo}) as running:
        yield running


@pytest.fixture
def client_env(hub: LoopbackHub, tmp_path: Path) -> dict[str, str]:
    """Has ModelScope's client talk to the loopback hub only, give up soon, and keep its files in ``tmp_path``."""
    return {
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_CACHE": str(tmp_path / "cache"),
        "MODELSCOPE_HOME": str(tmp_path / "home"),
        "MODELSCOPE_API_MAX_RETRIES": "1",
        "MODELSCOPE_API_TIMEOUT": "2",
        "MODELSCOPE_REPO_TREE_PAGE_MAX_ATTEMPTS": "1",
        "MODELSCOPE_REPO_TREE_PAGE_TIMEOUT_SECONDS": "2",
        "MODELSCOPE_DOWNLOAD_MAX_RETRIES": "1",
        "MODELSCOPE_DOWNLOAD_TIMEOUT": "2",
    }
