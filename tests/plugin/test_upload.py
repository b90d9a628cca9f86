"""Publishing by ModelScope's own client to a hub on loopback, and running what was published from there."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from . import isolated
from .loopback import LoopbackHub

NAME = "me/strips"
TOKEN = "ms-0b1e5a0c"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with a card and a picture to try it on. Tests do not change it."""
    from modelscope_swinpan.card.write import write_card
    from modelscope_swinpan.checkpoints.save import save_pretrained
    from modelscope_swinpan.config import PostprocessConfig, PreprocessConfig
    from tests.builders import SMALL, random_image, random_model

    directory = tmp_path_factory.mktemp("published") / "model"
    config = dataclasses.replace(
        SMALL,
        preprocess=PreprocessConfig(short_side=64, long_side=96),
        postprocess=PostprocessConfig(object_mask_threshold=0, overlap_threshold=0),  # it is not sure of anything
    )
    save_pretrained(random_model(config), directory)
    (directory / "examples").mkdir()
    cv2.imwrite(str(directory / "examples" / "strips.png"), random_image(64, 96))
    write_card(directory, name=NAME, license="MIT License", training_data="None.")
    return directory


@pytest.fixture
def upload_hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    """A hub with room for one model."""
    store = tmp_path / "store"
    store.mkdir()
    with LoopbackHub(store, model_id=NAME, token=TOKEN) as running:
        yield running


@pytest.fixture
def env(upload_hub: LoopbackHub, client_env: dict[str, str]) -> dict[str, str]:
    return {**client_env, "MODELSCOPE_ENDPOINT": upload_hub.url, "MODELSCOPE_UPLOAD_COMMIT_MAX_ATTEMPTS": "1"}


def test_published_model_runs(upload_hub: LoopbackHub, env: dict[str, str], model: Path, tmp_path: Path) -> None:
    before = _content(model)

    errors = isolated.call(_publish, model, [TOKEN, TOKEN], cwd=tmp_path, env=env)  # again: the hub knows it by then

    assert errors == ["", ""]
    assert _content(upload_hub.model_dir) == _content(model) == before
    assert (upload_hub.created["License"], upload_hub.created["Visibility"]) == ("mit", 1)
    card = (upload_hub.model_dir / "README.md").read_text(encoding="utf-8")
    labels = isolated.call(_run, card.split("```python\n")[1].split("```")[0], cwd=tmp_path, env=env)
    assert len(labels) >= 1
    assert labels == _labels(model)
    assert cv2.imread(str(tmp_path / "result.jpg")).shape == (64, 96, 3)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in written)


def test_refusals_take_one_line(
    upload_hub: LoopbackHub, env: dict[str, str], model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    upload_hub.faults.commit_status = 409

    wrong, conflict = isolated.call(_publish, model, ["ms-wrong", TOKEN], cwd=tmp_path, env=env)
    upload_hub.stop()
    (down,) = isolated.call(_publish, model, [TOKEN], cwd=tmp_path, env=env)

    assert "User not logged in" in wrong
    assert "[409] commit refused" in conflict
    assert "Connection failed" in down
    for error in (wrong, conflict, down):
        assert error.startswith(f"Could not publish '{NAME}': ")
        assert "\n" not in error
        assert TOKEN not in error
        assert "ms-wrong" not in error
    assert "commit refused" not in capfd.readouterr().err


def test_mistakes_never_reach_the_hub(upload_hub: LoopbackHub, model: Path) -> None:
    from modelscope_swinpan.errors import ConfigError
    from modelscope_swinpan.plugin.upload import publish

    with pytest.raises(ConfigError, match="OWNER/NAME"):
        publish(model, "strips", ["README.md"], token=TOKEN)
    with pytest.raises(ConfigError, match="blanks") as error:
        publish(model, NAME, ["README.md"], token=f"{TOKEN}\n")
    assert TOKEN not in str(error.value)
    assert upload_hub.created == {}


def _publish(directory: Path, tokens: list[str]) -> list[str]:
    """Publish with one token after the other. Returns their errors, empty where there was none."""
    from modelscope_swinpan.card.check import check_directory
    from modelscope_swinpan.errors import HubError
    from modelscope_swinpan.plugin.upload import publish

    findings = check_directory(directory, name=NAME)
    assert findings.problems == ()

    def error(token: str) -> str:
        try:
            publish(directory, NAME, findings.files, token=token)
        except HubError as error:
            return str(error)
        return ""

    return [error(token) for token in tokens]


def _run(code: str) -> list[str]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    labels: list[str] = names["result"]["labels"]
    return labels


def _labels(directory: Path) -> list[str]:
    from modelscope_swinpan import PanopticPredictor, load_model

    result = PanopticPredictor(load_model(directory))(directory / "examples" / "strips.png")
    return [segment.label for segment in result.segments]


def _content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
