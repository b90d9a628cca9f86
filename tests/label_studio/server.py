"""The real Label Studio on the loopback interface, with SQLite, in an environment of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.studio.chromium import Browser

USER, PASSWORD, TOKEN = "me@example.com", "a-long-password", "0123456789abcdef" * 2 + "01234567"
PATIENCE = 400
"""Seconds for the start, which makes the database; machines that run tests are busy."""
QUIET = {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
"""Settings without which Label Studio tells other hosts of its use."""
TIPS = "*/heidi-tips"
"""An address of the server that pages ask for, and for which it asks GitHub; no setting leaves it out."""


def program(environment: Path) -> Path:
    """Label Studio's program in a virtual environment. Without it, the test fails."""
    path = environment / "bin" / "label-studio"
    if not path.is_file():
        pytest.fail(f"Label Studio is not in {environment}: 'make label-studio' makes that environment.")
    return path.absolute()


class LabelStudio:
    """Its API. ``asked`` lists the other hosts that the server tried to reach."""

    def __init__(self, url: str, asked: Path) -> None:
        self.url, self._asked = url, asked
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy
        self._session.headers["Authorization"] = f"Token {TOKEN}"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return self._answer(method, f"/api/{path}", **options).json()

    def photo(self, task: Any) -> bytes:
        """What the server shows as a task's photo."""
        return self._answer("GET", task["data"]["image"]).content

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._session.request(method, self.url + path, timeout=120, **options)
        assert answer.ok, (answer.status_code, answer.text[:1000])
        return answer

    def project(self, found: Path, photos: Path) -> int:
        """A project of what ``swinpan batch`` wrote into ``found``, as the documents say it is made."""
        config = (found / "label-config.xml").read_text()
        number = self.ask("POST", "projects", json={"title": "photos", "label_config": config})["id"]
        self.ask("POST", "storages/localfiles", json={"project": number, "path": str(photos)})
        with (found / "tasks.json").open("rb") as tasks:
            self.ask("POST", f"projects/{number}/import", files={"file": ("tasks.json", tasks, "application/json")})
        return number

    def tasks(self, project: int) -> list[Any]:
        """A project's tasks with their predictions, in the order of the import."""
        options = {"project": project, "fields": "all", "page_size": 1000}
        return sorted(self.ask("GET", "tasks", params=options)["tasks"], key=lambda task: task["id"])

    def annotate(self, task: Any, regions: list[Any]) -> None:
        self.ask("POST", f"tasks/{task['id']}/annotations", json={"result": regions})

    def export(self, project: int) -> Any:
        return self.ask("GET", f"projects/{project}/export", params={"exportType": "JSON"})

    def show(self, browser: Browser, project: int, task: Any) -> None:
        """Log in, and open a task in the editor, as large as in the documents."""
        driver = browser.driver
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [TIPS]})
        metrics = {"width": 1500, "height": 857, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(f"{self.url}/user/login/")
        browser.wait("[name=email]").send_keys(USER)
        browser.wait("[name=password]").send_keys(PASSWORD)
        browser.wait("[name=password]").submit()
        browser.until(lambda: "/login" not in driver.current_url)
        driver.get(f"{self.url}/projects/{project}/data?task={task['id']}")
        regions = len(task["predictions"][0]["result"])
        browser.until(lambda: len(browser.all(".lsf-outliner-item")) == regions)  # of which some may need scrolling
        browser.wait("canvas")

    def asked(self) -> list[str]:
        return self._asked.read_text().splitlines() if self._asked.exists() else []


@contextmanager
def label_studio(environment: Path, folder: Path) -> Iterator[LabelStudio]:
    """A server with an empty database; all its files are in ``folder``, an empty one."""
    binary = program(environment)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        **QUIET,
        "GUARD_LOG": str(folder / "asked.txt"),
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": "/",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).with_name("guard")),
    }
    where = ("--no-browser", "--internal-host", "127.0.0.1", "--port", str(port))
    user = ("--username", USER, "--password", PASSWORD, "--user-token", TOKEN)
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [binary, "start", *where, *user],
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server, log)
        yield LabelStudio(url, folder / "asked.txt")
    finally:
        _stop(server)


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    with requests.Session() as session:
        session.trust_env = False
        while server.poll() is None and time.monotonic() < end:
            with suppress(requests.ConnectionError):
                if session.get(f"{url}/health", timeout=10).ok:
                    return
            time.sleep(0.5)
    pytest.fail(f"Label Studio did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """The server and all that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
