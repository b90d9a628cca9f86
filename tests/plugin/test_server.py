"""``modelscope server`` itself, with our plugin: the commands of docs/serving.md, and what clients do wrong."""

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from fastapi import FastAPI
from PIL import Image

from modelscope_swinpan.benchmark.serving import running_server
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.serving.model_thread import ModelThread
from modelscope_swinpan.serving.processes import Processes

from .loopback import MODEL_ID, LoopbackHub

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
CARD_IMAGE = "https://modelscope.oss-cn-beijing.aliyuncs.com/test/images/image_panoptic_segmentation.jpg"
MANY = {"object_mask_threshold": 0.0, "overlap_threshold": 0.1}
"""Thresholds that leave many segments."""


@dataclass(frozen=True)
class Client:
    """Asks the running server; ``hub_url`` leads to files, ``folder`` is the one whose files may be named by path."""

    url: str
    hub_url: str
    folder: Path

    def __call__(self, image: Any, **parameters: Any) -> requests.Response:
        return self.post(json={"input": {"image": image}, "parameters": parameters})

    def post(self, **content: Any) -> requests.Response:
        return requests.post(f"{self.url}/call", timeout=300, **content)


@pytest.fixture(scope="module")
def client(model_dir: Path, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of a server that starts with a hub on this machine, and is told to stop in the end."""
    tmp_path = tmp_path_factory.mktemp("server")
    with LoopbackHub(model_dir, files={"photo.png": photo}) as hub:
        environment = {
            "MODELSCOPE_ENDPOINT": hub.url,
            "MODELSCOPE_CACHE": str(tmp_path / "cache"),
            "MODELSCOPE_HOME": str(tmp_path / "home"),
            "OMP_NUM_THREADS": "1",
            "SWINPAN_SERVE_FOLDER": str(photo.parent),
            "SWINPAN_SERVE_PRIVATE_ADDRESSES": "1",
        }
        with running_server(MODEL_ID, tmp_path / "log", environment) as server:
            yield Client(server.url, hub.url, photo.parent)
            assert server.process.poll() is None  # it lived through all of this
    assert "Application shutdown complete" in (tmp_path / "log").read_text()


@pytest.fixture(scope="module")
def expected(segmentor: Any, photo: Path) -> dict[str, Any]:
    """The pipeline's answer about the photo, in this process."""
    answer: dict[str, Any] = segmentor(str(photo), **MANY)
    assert answer["labels"]
    return answer


@pytest.fixture(scope="module")
def encoded(photo: Path) -> str:
    return base64.b64encode(photo.read_bytes()).decode()


def check(response: requests.Response, expected: dict[str, Any]) -> dict[str, Any]:
    """The answer, which is the expected one up to float rounding."""
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert answer["labels"] == expected["labels"]
    assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-3)
    assert [info["id"] for info in answer["segments_info"]] == [info["id"] for info in expected["segments_info"]]
    return answer


def test_base64_url_and_path_give_the_pipelines_answer(
    client: Client, expected: dict[str, Any], photo: Path, encoded: str
) -> None:
    listed = check(client(encoded, **MANY), expected)
    assert sorted(listed) == sorted(expected)
    assert np.mean(np.array(listed["panoptic_seg"]) == expected["panoptic_seg"]) >= 0.9999
    assert np.mean(np.array(listed["masks"]) == expected["masks"]) >= 0.9999

    for image in (f"{client.hub_url}/files/photo.png", photo.name, str(photo)):
        check(client(image, mask_format="rle", **MANY), expected)
    virtual = client(encoded, mask_format="rle", scores="virtual", **MANY).json()
    assert virtual["scores"] == [0.999] * len(expected["labels"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": b"{"}, "The request is not JSON"),
        ({"json": {}}, "The request has no input"),
        ({"json": {"input": {"image": "bm90IGFuIGltYWdl"}}}, "input.image: not an image in a known format"),
        ({"json": {"input": {"image": "/etc/hostname"}}}, "Files of this server are read from one folder only"),
        ({"json": {"input": {"image": "x"}, "parameters": {"mask": "rle"}}}, "parameters: unknown option 'mask'"),
    ],
    ids=["json", "input", "image", "path", "option"],
)
def test_bad_requests_are_refused_and_the_server_lives(client: Client, body: dict[str, Any], said: str) -> None:
    response = client.post(**body)

    assert response.status_code == response.json()["Code"] == 400
    assert said in response.json()["Message"]
    assert requests.get(f"{client.url}/health", timeout=30).json()["Success"]


def test_50_megabytes_are_refused(client: Client) -> None:
    for body in (bytes(50 * 2**20), iter([bytes(2**20)] * 50)):  # of a size that is announced, and not
        response = client.post(data=body)
        assert response.status_code == response.json()["Code"] == 413
        assert response.json()["Message"] == "The request is larger than 32 MiB, the limit here."
    assert requests.get(f"{client.url}/health", timeout=30).json()["Success"]


def test_bad_values_of_options_are_refused(client: Client, encoded: str, expected: dict[str, Any]) -> None:
    for parameters, said in (
        ({"mask_format": "jpeg"}, "mask_format must be one of 'rle', 'list', 'png'; got 'jpeg'"),
        ({"scores": 1}, "scores must be one of"),
        ({"overlap_threshold": 2}, "overlap_threshold must lie between 0 and 1"),
    ):
        response = client(encoded, **parameters)
        assert response.status_code == 400
        assert said in response.json()["Message"]
    check(client(encoded, mask_format="rle", **MANY), expected)


def test_eight_clients_at_once(client: Client, encoded: str, expected: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: client(encoded, mask_format="rle", **MANY), range(8)))

    assert len({response.text for response in responses}) == 1
    check(responses[0], expected)


def test_describe_is_still_modelscopes(client: Client) -> None:
    described = requests.get(f"{client.url}/describe", timeout=30).json()

    assert described["schema"]["task_name"] == "image-segmentation"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_commands_of_the_page_run_as_printed(client: Client, photo: Path, tmp_path: Path, segmentor: Any) -> None:
    install, by_url, by_content = (COMMANDS[place] for place in (0, 2, 3))
    assert install.splitlines()[0] == "pip install 'modelscope_swinpan[serve]'"
    assert install.splitlines()[1].startswith(f"modelscope server --model_id {MODEL_ID} --revision master ")
    Image.open(photo).convert("RGB").save(tmp_path / "photo.jpg")
    by_url = by_url.replace(CARD_IMAGE, f"{client.hub_url}/files/photo.png")

    answers = [run(command.replace("http://127.0.0.1:8000", client.url), tmp_path) for command in (by_url, by_content)]

    labels = segmentor(str(photo))["labels"]
    assert answers[0]["labels"] == labels
    assert len(answers[0]["masks"]) == len(labels)
    png = Image.open(io.BytesIO(base64.b64decode(answers[1]["panoptic_png"])))
    assert png.size == Image.open(photo).size
    assert answers[1]["labels"] == segmentor(str(tmp_path / "photo.jpg"))["labels"]


def test_pipelines_of_others_keep_their_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelscope_swinpan.plugin.server import take_over

    monkeypatch.setenv("SWINPAN_SERVE_MEGABYTES", "not even read")
    app = FastAPI()
    app.state.pipeline, before = object(), list(app.router.routes)

    take_over(app)

    assert app.router.routes == before


def test_wrong_limits_keep_the_server_from_starting(segmentor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelscope_swinpan.plugin.server import take_over

    monkeypatch.setenv("SWINPAN_SERVE_MEGABYTES", "many")
    app = FastAPI()
    app.state.pipeline = segmentor

    with pytest.raises(ConfigError, match="SWINPAN_SERVE_MEGABYTES must be a whole number"):
        take_over(app)


def test_processes_by_the_environment(segmentor: Any, encoded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelscope_swinpan.plugin.server import take_over

    for workers, kind in (("1", ModelThread), ("2", Processes)):
        monkeypatch.setenv("SWINPAN_SERVE_WORKERS", workers)
        app = FastAPI()
        app.state.pipeline = segmentor
        take_over(app)
        endpoint = app.router.routes[0].endpoint.__self__  # type: ignore[attr-defined]
        assert type(endpoint._answer) is kind
    endpoint._answer.close()


def test_applications_without_event_handlers() -> None:
    """As Starlette 1.0 left them."""
    from modelscope_swinpan.plugin.server import restore_event_handlers

    class Dropped:
        def __init__(self) -> None:
            self.router = FastAPI().router

    before = FastAPI.add_event_handler
    restore_event_handlers(Dropped)
    restore_event_handlers(FastAPI)
    app: Any = Dropped()
    app.add_event_handler("startup", print)
    assert app.router.on_startup == [print]
    assert FastAPI.add_event_handler is before


def run(command: str, cwd: Path) -> dict[str, Any]:
    """What a shell command prints, as JSON."""
    done = subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, text=True, timeout=300, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
