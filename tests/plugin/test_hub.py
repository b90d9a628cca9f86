"""ModelScope's real client against a hub on the loopback interface: a first download, faults, and what follows them."""

import dataclasses
import json
import logging
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from . import isolated
from .loopback import MODEL_ID, WEIGHTS, LoopbackHub

EMBEDDED = Path(__file__).parents[2] / "modelscope_swinpan" / "embedded"
SNAPSHOT = "models/damo--cv_swinL_panoptic-segmentation_cocopan/snapshots/master"


@dataclass
class Outcome:
    """How an attempt ended. ``log`` holds what ModelScope's logger was told by us."""

    answer: Any = None
    error: str = ""
    kind: str = ""
    log: str = ""
    seconds: float = field(default=0.0, compare=False)


def _attempt(function: Callable[..., Any], *args: Any) -> Outcome:
    from modelscope.utils.logger import get_logger

    outcome, lines = Outcome(), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append((record.module, record.getMessage()))  # type: ignore[method-assign]
    get_logger().addHandler(handler)
    start = time.monotonic()
    try:
        outcome.answer = function(*args)
    except Exception as error:
        outcome.kind, outcome.error = type(error).__name__, str(error)
    outcome.seconds = time.monotonic() - start
    outcome.log = "\n".join(line for module, line in lines if module == "hub")
    return outcome


def _labels(photo: Path, model: str = MODEL_ID) -> Outcome:
    """What the model card's call answers, by hub id."""
    import modelscope_swinpan  # noqa: F401

    from modelscope.pipelines import pipeline  # isort: skip
    from modelscope.utils.constant import Tasks  # isort: skip

    return _attempt(lambda: pipeline(Tasks.image_segmentation, model=model)(str(photo))["labels"])


def _labels_imported_before_us(photo: Path) -> Outcome:
    from modelscope.pipelines import pipeline

    import modelscope_swinpan  # noqa: F401

    return _attempt(lambda: pipeline("image-segmentation", MODEL_ID, model_revision="master")(str(photo))["labels"])


def _from_pretrained() -> Outcome:
    from modelscope.models import Model

    import modelscope_swinpan  # noqa: F401

    return _attempt(lambda: str(Model.from_pretrained(MODEL_ID).model_dir))


def _resolved(model: str = MODEL_ID) -> Outcome:
    """What ``resolve_model`` makes of the hub id."""
    from modelscope_swinpan.plugin.hub import resolve_model

    return _attempt(resolve_model, model)


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
    assert second.answer == first.answer
    size = (hub.model_dir / WEIGHTS).stat().st_size / 10**6
    assert f"Downloading {MODEL_ID}: {size:.0f} MB in 2 files, to {client.env['MODELSCOPE_CACHE']}" in first.log
    assert "MODELSCOPE_CACHE" in first.log
    assert "run the same again" in first.log
    assert second.log == ""
    assert len(downloads) == 1
    assert [path for path in hub.requests if WEIGHTS in path] == downloads  # the cache was used


def test_hub_that_is_down(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    hub.stop()
    pipeline, resolved = client(_labels, photo), client(_resolved)
    hub.start()

    for outcome in (pipeline, resolved):
        assert outcome.kind == "HubError"
        assert f"modelscope download --model {MODEL_ID} --local_dir DIR" in outcome.error
        assert "Connection failed" in outcome.error
        assert "try again" in outcome.error
    assert client(_labels, photo).answer == segmentor(str(photo))["labels"]


def test_a_folder_that_cannot_be_written(hub: LoopbackHub, client: Client, photo: Path) -> None:
    """As that of a user without a home folder."""
    outcome = dataclasses.replace(client, env={**client.env, "MODELSCOPE_HOME": str(photo / "home")})(_resolved)
    assert outcome.kind == "HubError"
    assert "Not a directory" in outcome.error
    assert "MODELSCOPE_HOME" in outcome.error
    assert "connection" not in outcome.error


def test_one_message_where_the_hub_is_down(hub: LoopbackHub, client: Client) -> None:
    """Instead of a warning for each try, urllib3's objects and their tracebacks."""
    hub.stop()
    tries = {**client.env, "MODELSCOPE_REPO_TREE_PAGE_MAX_ATTEMPTS": "2"}
    outcome, told, printed = dataclasses.replace(client, env=tries)(_noise)
    assert told == []
    assert "Connection refused. Check the id" in outcome.error
    assert "urllib3" not in printed


def _noise() -> tuple[Outcome, list[str], str]:
    """How ``resolve_model`` fails, what the client logs meanwhile, and what Python would print."""
    import modelscope.hub.snapshot_download  # noqa: F401

    from modelscope_swinpan.plugin.hub import resolve_model

    told: list[str] = []
    printed: list[str] = []
    logger, handler = logging.getLogger("modelscope_hub"), logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    level = logger.level

    def resolve() -> None:
        try:
            resolve_model(MODEL_ID)
        except Exception:
            printed.append(traceback.format_exc())
            raise

    outcome = _attempt(resolve)
    assert logger.level == level
    return outcome, told, printed[0]


@pytest.mark.parametrize(
    ("fault", "value", "said"), [("status", 404, "404"), ("seconds_per_answer", 4.0, "timed out")], ids=["404", "slow"]
)
def test_hub_that_does_not_give_the_model(
    hub: LoopbackHub, client: Client, photo: Path, segmentor: Any, fault: str, value: float, said: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub.faults, fault, value)
        pipeline, resolved = client(_labels, photo), client(_resolved)

    for outcome in (pipeline, resolved):
        assert outcome.kind == "HubError"
        assert said in outcome.error.lower()
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

    for outcome in (pipeline, resolved):
        assert outcome.kind == "HubError"  # and no half of a model from the cache
        assert "1 of 2 file(s) failed to download" in outcome.error
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
    assert "could not be asked" not in fetched.log
    assert again.kind == ""
    assert "could not be asked" in again.log


@pytest.mark.parametrize("call", [_labels, _labels_imported_before_us])
def test_pipeline_answers_from_the_copy_at_once(
    call: Callable[..., Outcome], hub: LoopbackHub, client: Client, photo: Path, segmentor: Any
) -> None:
    """Also where the client itself would try for half a minute."""
    assert client(_resolved).answer == client.snapshot
    hub.stop()
    patient = dataclasses.replace(client, env={**client.env, "MODELSCOPE_API_MAX_RETRIES": "8"})

    outcome = patient(call, photo)

    assert outcome.answer == segmentor(str(photo))["labels"], outcome
    assert outcome.log.count("could not be asked") == 1
    assert str(client.snapshot) in outcome.log
    assert outcome.seconds < 20


def test_from_pretrained_takes_the_copy(hub: LoopbackHub, client: Client) -> None:
    assert client(_from_pretrained).answer == str(client.snapshot)
    hub.stop()

    outcome = client(_from_pretrained)

    assert outcome.answer == str(client.snapshot), outcome
    assert "could not be asked" in outcome.log


def test_a_cache_may_come_from_another_machine(
    hub: LoopbackHub, client: Client, photo: Path, segmentor: Any, tmp_path: Path
) -> None:
    assert client(_resolved).answer == client.snapshot
    hub.stop()
    carried = tmp_path / "carried"
    shutil.move(client.env["MODELSCOPE_CACHE"], carried)
    elsewhere = dataclasses.replace(client, env={**client.env, "MODELSCOPE_CACHE": str(carried)})

    assert elsewhere(_labels, photo).answer == segmentor(str(photo))["labels"]


def test_the_server_takes_the_copy(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    assert client(_resolved).answer == client.snapshot
    hub.stop()

    outcome = client(_served, MODEL_ID, photo)

    assert outcome.answer == segmentor(str(photo))["labels"], outcome
    assert "could not be asked" in outcome.log
    assert client(_served, "embedded", photo).kind == ""


def _served(model: str, photo: Path) -> Outcome:
    """What the pipeline answers that ``modelscope server`` makes at its start."""
    from modelscope.server.core import event_handlers

    import modelscope_swinpan  # noqa: F401

    return _attempt(lambda: event_handlers.create_pipeline(model, "master")(str(photo))["labels"])


def test_the_other_owner(hub: LoopbackHub, client: Client, photo: Path, segmentor: Any) -> None:
    """ModelScope moved these models from damo to iic."""
    hub.model_id = MODEL_ID.replace("damo/", "iic/")

    online = client(_labels, photo, hub.model_id)
    hub.stop()
    offline = client(_labels, photo, hub.model_id)

    assert online.answer == offline.answer == segmentor(str(photo))["labels"]
    assert "could not be asked for a newer iic/" in offline.log


def test_another_task_is_left_to_modelscope(hub: LoopbackHub, client: Client) -> None:
    hub.stop()
    assert client(_another_task).kind == "ValueError"


def _another_task() -> Outcome:
    from modelscope.pipelines import pipeline

    import modelscope_swinpan  # noqa: F401

    return _attempt(lambda: pipeline("text-classification", model=MODEL_ID))


def test_a_model_of_others_gets_its_id(hub: LoopbackHub, client: Client, model_dir: Path, tmp_path: Path) -> None:
    """What ModelScope trusts depends on the owner."""
    hub.model_dir = tmp_path / "other"
    shutil.copytree(model_dir, hub.model_dir)
    configuration = {"framework": "pytorch", "task": "image-segmentation", "pipeline": {"type": "somebody-elses"}}
    (hub.model_dir / "configuration.json").write_text(json.dumps(configuration))
    assert client(_given_to_modelscope, MODEL_ID) == MODEL_ID


def _given_to_modelscope(model: str) -> str:
    from modelscope.pipelines import builder, pipeline

    import modelscope_swinpan  # noqa: F401

    given: list[str] = []

    def note(model: str, revision: str) -> None:
        given.append(model)
        raise ValueError("that is all")

    builder.is_official_hub_path = note
    assert _attempt(lambda: pipeline("image-segmentation", model=model)).error == "that is all"
    return given[0]


def test_the_signature_is_still_there(tmp_path: Path) -> None:
    parameters = isolated.call(_parameters, cwd=tmp_path)
    assert parameters[:2] == ["task", "model"]
    assert "model_revision" in parameters


def _parameters() -> list[str]:
    import inspect

    from modelscope.pipelines import pipeline

    import modelscope_swinpan  # noqa: F401

    return [*inspect.signature(pipeline).parameters]


def test_embedded_is_a_name_in_any_folder(tmp_path: Path) -> None:
    (tmp_path / "embedded").mkdir()
    found, warned = isolated.call(_embedded, cwd=tmp_path)
    assert found == [str(EMBEDDED)] * 3
    assert "write ./embedded for what is here" in warned


def _embedded() -> tuple[list[str], str]:
    import warnings

    from modelscope.models import Model
    from modelscope.pipelines import pipeline

    import modelscope_swinpan
    from modelscope_swinpan.plugin.hub import resolve_model

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = modelscope_swinpan.load_model("embedded")
    built = pipeline("image-segmentation", model="embedded")
    assert built.model.model.config == loaded.config
    found = [str(resolve_model("embedded")), built.model.model_dir, Model.from_pretrained("embedded").model_dir]
    return found, str(caught[0].message)


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
