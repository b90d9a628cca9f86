"""ModelScope's real client against a hub on the loopback interface: a first download, faults, and what follows them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import isolated
from .loopback import MODEL_ID, WEIGHTS, LoopbackHub

SNAPSHOT = "models/damo--cv_swinL_panoptic-segmentation_cocopan/snapshots/master"


@dataclass
class Outcome:
    """How an attempt ended. ``log`` holds our warnings."""

    answer: Any = None
    error: str = ""
    kind: str = ""
    log: str = ""


def _attempt(function: Callable[..., Any], *args: Any) -> Outcome:
    outcome = Outcome()
    try:
        outcome.answer = function(*args)
    except Exception as error:
        outcome.kind, outcome.error = type(error).__name__, str(error)
    return outcome


def _labels(photo: Path) -> Outcome:
    """What the model card's call answers, by hub id."""
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    import modelscope_swinpan  # noqa: F401

    return _attempt(lambda: pipeline(Tasks.image_segmentation, model=MODEL_ID)(str(photo))["labels"])


def _resolved() -> Outcome:
    """What ``resolve_model`` makes of the hub id."""
    from modelscope_swinpan.plugin.hub import resolve_model

    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("modelscope_swinpan").addHandler(handler)
    outcome = _attempt(resolve_model, MODEL_ID)
    outcome.log = "\n".join(lines)
    return outcome


@dataclass
class Client:
    """ModelScope's client with one cache, in a new process for every call."""

    env: dict[str, str]
    cwd: Path

    @property
    def snapshot(self) -> Path:
        return Path(self.env["MODELSCOPE_CACHE"]) / SNAPSHOT

    def __call__(self, function: Callable[..., Outcome], *args: Any) -> Outcome:
        return isolated.call(function, *args, cwd=self.cwd, env=self.env)


@pytest.fixture
def client(client_env: dict[str, str], tmp_path: Path) -> Client:
    return Client(client_env, tmp_path)


def test_pipeline_downloads_and_answers(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    first = client(_labels, photo)
    downloads = [path for path in hub.requests if WEIGHTS in path]
    second = client(_labels, photo)

    assert first.answer == segmentor(str(photo))["labels"], first
    assert second == first
    assert len(downloads) == 1
    assert [path for path in hub.requests if WEIGHTS in path] == downloads  # the cache was used


def test_hub_that_is_down(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    hub.stop()
    pipeline, resolved = client(_labels, photo), client(_resolved)
    hub.start()

    assert pipeline.kind == "ValueError"
    assert "Connection error" in pipeline.error
    assert resolved.kind == "HubError"
    assert MODEL_ID in resolved.error
    assert "Connection failed" in resolved.error
    assert "try again" in resolved.error
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]


def test_hub_that_does_not_know_the_model(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    hub.faults.status = 404
    pipeline, resolved = client(_labels, photo), client(_resolved)
    hub.faults.status = 200

    assert pipeline.kind == "ValueError"
    assert "404" in pipeline.error
    assert resolved.kind == "HubError"
    assert "404" in resolved.error
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]


def test_hub_that_is_too_slow(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    hub.faults.seconds_per_answer = 4.0
    pipeline, resolved = client(_labels, photo), client(_resolved)
    hub.faults.seconds_per_answer = 0.0

    assert pipeline.kind == "ValueError"
    assert "timed out" in pipeline.error.lower()
    assert resolved.kind == "HubError"
    assert "timed out" in resolved.error.lower()
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]


def test_download_that_is_cut_resumes_next_time(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    hub.faults.cut_after = 2_000_000
    pipeline = client(_labels, photo)
    resolved = client(_resolved)
    finished = client.snapshot / WEIGHTS
    assert not finished.exists()
    kept = finished.with_suffix(".pt.incomplete").stat().st_size
    hub.faults.cut_after = None
    hub.requests.clear()

    assert pipeline.kind == "FileDownloadError"
    assert WEIGHTS in pipeline.error
    assert resolved.kind == "HubError"  # and no half of a model from the cache
    assert "1 of 2 file(s) failed to download" in resolved.error
    assert kept > 2_000_000
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]
    assert finished.stat().st_size == (hub.model_dir / WEIGHTS).stat().st_size


def test_damaged_copy_is_an_error_off_line_and_replaced_on_line(
    hub: LoopbackHub, client: Client, photo: Path, segmentor: Any
) -> None:
    path = client(_resolved).answer
    assert path == client.snapshot
    (path / WEIGHTS).write_bytes((path / WEIGHTS).read_bytes()[:1_000_000])

    damaged = client(_local_labels, path, photo)

    assert damaged.kind == "CheckpointError"
    assert "Fetch it again" in damaged.error
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]


def _local_labels(path: Path, photo: Path) -> Outcome:
    from modelscope_swinpan.plugin.pipeline import build_pipeline

    return _attempt(lambda: build_pipeline(path)(str(photo))["labels"])


def test_complete_copy_is_used_when_the_hub_is_down(hub: LoopbackHub, client: Client) -> None:
    fetched = client(_resolved)
    hub.stop()

    again = client(_resolved)

    assert fetched.answer == again.answer == client.snapshot
    assert (fetched.log, again.kind) == ("", "")
    assert "could not be asked" in again.log


def test_what_is_on_disk_is_returned_as_it_is(model_dir: Path) -> None:
    from modelscope_swinpan.plugin.hub import resolve_model

    assert resolve_model(model_dir) == model_dir
    assert resolve_model(str(model_dir / WEIGHTS)) == model_dir / WEIGHTS


@pytest.mark.parametrize(
    "name", ["nosuch", "", "a/b/c", "../model", "/no/such", "damo/..", "a b/c", "damo/mo del", "https://x/y"]
)
def test_what_is_no_path_and_no_id_never_reaches_the_hub(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    from modelscope_swinpan.errors import HubError
    from modelscope_swinpan.plugin.hub import resolve_model

    monkeypatch.chdir(tmp_path)

    with pytest.raises(HubError, match="No model directory or checkpoint file"):
        resolve_model(name)
