"""``swinpan serve`` as a process: requests, workers that are killed, and the end."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
import requests
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.cli import app
from modelscope_swinpan.serving.segmenter import Call, Segmenter
from tests.conftest import CHELSEA, EMBEDDED, ROOT

ASKED, KILLED_AFTER = 16, 3


@contextmanager
def serving(*options: str, **environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address and the process of a server, which is told to stop in the end."""
    command = [sys.executable, "-m", "modelscope_swinpan", "serve", "--port", "0", "--device", "cpu", *options]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            found = re.search(r"Requests are answered at (http://127\.0\.0\.1:\d+/call)", process.stdout.readline())
            yield found[1], psutil.Process(process.pid)
        finally:
            process.terminate()
            assert process.wait(60) == 0


@pytest.fixture(scope="module")
def expected() -> dict[str, object]:
    call = Call(CHELSEA.read_bytes(), "chelsea", {"mask_format": "rle"})
    (answer,) = Segmenter(PanopticPredictor(load_model(EMBEDDED)))([call])
    content = json.loads(answer)
    assert content["labels"]
    return content


def ask(url: str) -> requests.Response:
    image = base64.b64encode(CHELSEA.read_bytes()).decode()
    body = {"input": {"image": image}, "parameters": {"mask_format": "rle"}}
    return requests.post(url, json=body, timeout=300)


@pytest.mark.parametrize(
    ("options", "worker"),
    [(["--workers", "2"], "spawn_main"), (["--engine", "ray", "--workers", "2"], "ray::ServeReplica")],
    ids=["processes", "ray"],
)
def test_under_load_a_worker_is_killed_and_no_request_is_lost(options, worker, expected):
    folder = tempfile.mkdtemp(prefix="ray")  # pytest's folders have names that are too long for sockets
    environment = {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": folder}
    with serving("--model", "embedded", *options, **environment) as (url, process), ThreadPoolExecutor(6) as pool:
        assert requests.get(url.replace("call", "health"), timeout=60).json()["Success"]
        children = process.children(recursive=True)
        workers = [child for child in children if worker in " ".join(child.cmdline())]
        assert len(workers) == 2
        asked = []
        for number in range(ASKED):
            asked.append(pool.submit(ask, url))
            if number == KILLED_AFTER + 6:
                asked[KILLED_AFTER].result()
                workers[0].kill()
        responses = [one.result() for one in asked]
        assert [response.status_code for response in responses] == [200] * ASKED
        for answer in [response.json() for response in responses]:
            assert answer["labels"] == expected["labels"]
            assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-3)
        assert workers[0].is_running() is False
    _, alive = psutil.wait_procs(children, 30)
    assert not alive
    shutil.rmtree(folder)


def test_what_is_not_there_is_refused_in_the_same_form():
    with serving("--model", "embedded") as (url, _):
        for method, place, status in (("GET", "call", 405), ("POST", "health", 405), ("POST", "", 404)):
            refused = requests.request(method, url.replace("call", place), timeout=60)
            assert refused.status_code == refused.json()["Code"] == status
            assert "This server answers POST /call and GET /health." in refused.json()["Message"]


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "processes"])
def test_a_second_signal_ends_it_at_once(options, capfd):
    with serving("--model", "embedded", *options) as (url, process), ThreadPoolExecutor(28) as pool:
        asked = [pool.submit(ask, url) for _ in range(28)]
        while not any(one.done() for one in asked):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        responses = [one.result() for one in asked if not one.exception()]
        assert {response.status_code for response in responses} == {200, 503}
        assert all("labels" in response.json() or response.json()["Code"] == 503 for response in responses)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "rey"], "one of the engines local, ray; got 'rey'"),
        (["--workers", "1:2"], "--workers 1:2 is for --engine ray"),
        (["--gpus-per-worker", "1"], "are for --engine ray"),
        (["--host", "203.0.113.1"], "Cannot listen at host 203.0.113.1, port 0"),
    ],
)
def test_mistakes(arguments, message):
    answer = CliRunner().invoke(app, ["serve", "--model", str(EMBEDDED), "--port", "0", *arguments])
    assert answer.exit_code == 2
    assert message in " ".join(answer.stderr.split())


def test_a_wrong_limit(monkeypatch):
    monkeypatch.setenv("SWINPAN_SERVE_WORKERS", "many")
    answer = CliRunner().invoke(app, ["serve", "--model", str(EMBEDDED), "--port", "0"])
    assert answer.exit_code == 2
    assert "SWINPAN_SERVE_WORKERS must be a whole number" in answer.stderr


def test_the_signals_are_the_callers_again():
    before = signal.getsignal(signal.SIGTERM)
    CliRunner().invoke(app, ["serve", "--model", str(EMBEDDED), "--port", "0", "--engine", "rey"])
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_help_names_its_own_default_of_workers():
    told = " ".join(CliRunner().invoke(app, ["serve", "--help"], terminal_width=200).output.split())
    assert "in Ray, and for serve, 1" in told
