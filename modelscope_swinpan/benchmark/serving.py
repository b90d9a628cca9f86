"""Measure ``modelscope server`` under load: latency and throughput by number of clients, and the server's memory."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import requests

from ..checkpoints.load import EMBEDDED
from ..errors import ConfigError
from .model import write_photo

START_TIMEOUT = 300.0
STOP_TIMEOUT = 60.0
ANSWER_TIMEOUT = 600.0
"""Seconds."""
MEMORY_EVERY = 100
"""Number of requests between two readings of the server's memory."""


class Server(NamedTuple):
    """A running server: its address and its process."""

    url: str
    process: subprocess.Popen[bytes]


def bench_serve(model: Path | None, clients: list[int], requests_each: int, mask_format: str) -> dict[str, Any]:
    """Serve ``model`` (by default the embedded one) and send ``requests_each`` requests for each number of clients.

    One request that is not counted comes first.

    Returns:
        Latencies in seconds, and the server's resident memory in bytes: before, and after every :data:`MEMORY_EVERY`
        requests.

    Raises:
        ConfigError: the server does not start, or answers with an error.
    """
    with tempfile.TemporaryDirectory() as temporary:
        photo = write_photo(Path(temporary, "photo.png"))
        image = base64.b64encode(photo.read_bytes()).decode("ascii")
        body = json.dumps({"input": {"image": image}, "parameters": {"mask_format": mask_format}}).encode()
        with running_server(str((model or EMBEDDED).resolve()), Path(temporary, "log")) as server:
            _ask(server.url, body)
            before = _resident(server)
            results = [_load(server, body, number, requests_each) for number in clients]
    return {"mask_format": mask_format, "request_bytes": len(body), "resident_bytes": before, "results": results}


@contextmanager
def running_server(model: str, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run ``modelscope server`` on a free port of this machine until the block ends.

    Args:
        model: A hub id or a model directory.
        log: A file for the server's output.
        environment: Variables to add to this process's environment.

    Raises:
        ConfigError: the server does not start.
    """
    arguments = ["--model_id", model, "--revision", "master", "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "modelscope_hub.cli.main", "server", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield Server(_address(process, log), process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server prints its address, and return it."""
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        written = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"Uvicorn running on (http://[\d.:]+)", written):
            return found[1]
        time.sleep(0.1)
    printed = " ".join(log.read_text(encoding="utf-8", errors="replace").split())
    raise ConfigError(
        "modelscope server did not start. It needs the extra 'serve': pip install 'modelscope_swinpan[serve]'. "
        f"It printed: …{printed[-1000:]}"
    )


def _load(server: Server, body: bytes, clients: int, count: int) -> dict[str, Any]:
    """Send ``count`` requests from ``clients`` threads at once."""
    seconds, memory = [], []
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        for number, taken in enumerate(pool.map(lambda _: _ask(server.url, body), range(count)), start=1):
            seconds.append(taken)
            if number % MEMORY_EVERY == 0:
                memory.append(_resident(server))
        elapsed = time.perf_counter() - start
    median, slow = np.percentile(seconds, [50, 95])
    return {
        "clients": clients,
        "requests": count,
        "requests_per_second": round(count / elapsed, 3),
        "latency_median": round(float(median), 4),
        "latency_95_percent": round(float(slow), 4),
        "resident_bytes": memory,
    }


def _resident(server: Server) -> int:
    """The server's resident memory in bytes."""
    return psutil.Process(server.process.pid).memory_info().rss


def _ask(url: str, body: bytes) -> float:
    """Send one request, and return the seconds until the whole answer arrived."""
    start = time.perf_counter()
    headers = {"Content-Type": "application/json"}
    response = requests.post(f"{url}/call", data=body, headers=headers, timeout=ANSWER_TIMEOUT)
    if response.status_code != requests.codes.ok:
        raise ConfigError(f"The server answered {response.status_code}: {response.text[:1000]}")
    return time.perf_counter() - start
