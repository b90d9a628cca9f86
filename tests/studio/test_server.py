import contextlib
import os
import re
import signal
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from urllib3 import Retry

from modelscope_swinpan import studio
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.serving import connections
from modelscope_swinpan.serving.listening import ENDING
from modelscope_swinpan.studio import server
from modelscope_swinpan.studio.content_security import POLICY
from modelscope_swinpan.studio.visitors import Quota
from tests.conftest import ROOT
from tests.full_disk import full_disk
from tests.studio.painted import PaintedPredictor, make_png


def dependency(url, event):
    """The number of the function that listens to an event, and of the component where it happens."""
    for listener in requests.get(f"{url}config", timeout=60).json()["dependencies"]:
        for target, name in listener["targets"]:
            if name == event:
                return listener["id"], target
    raise AssertionError(f"nobody listens to {event}")


def call(url, event, data, event_data=None, visitor="somebody"):
    """Fire an event as a browser does; the last thing that the server says of it."""
    function, target = dependency(url, event)
    job = {"data": data, "event_data": event_data, "fn_index": function, "trigger_id": target, "session_hash": visitor}
    requests.post(f"{url}gradio_api/queue/join", json=job, timeout=60).raise_for_status()
    stream = requests.get(f"{url}gradio_api/queue/data", params={"session_hash": visitor}, timeout=60, stream=True)
    return next(line for line in stream.iter_lines(decode_unicode=True) if "process_completed" in line)


def posing_as_upload(path):
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}, "orig_name": "cat.png"}


def test_the_page_contacts_no_other_host(page):
    answer = requests.get(page, timeout=60)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "swinpan studio" in answer.text
    assert "fonts.googleapis" not in answer.text
    assert "cdnjs" not in answer.text


@pytest.mark.parametrize(
    "path", [ROOT / "setup.py", Path("/etc/passwd"), Path(server.__file__)], ids=lambda path: path.name
)
def test_no_file_of_the_server_can_be_read(page, path):
    for spelling in (path, quote(os.path.relpath(path), safe="")):
        assert requests.get(f"{page}gradio_api/file={spelling}", timeout=60).status_code == 403
    answer = call(page, "upload", [posing_as_upload(path), "cat.png"])
    assert '"success":false' in answer
    assert "segments" not in answer


@pytest.mark.parametrize("form", ["gradio_api/file=", "gradio_api/file/", "gradio_api/proxy="])
@pytest.mark.parametrize("target", ["http://evil.test/", "https:%2F%2Fevil.test/", "https:///evil.test"])
def test_nobody_is_sent_to_other_hosts(page, form, target):
    answer = requests.get(f"{page}{form}{target}", timeout=60, allow_redirects=False)
    assert answer.status_code in (400, 403, 404)
    assert "Location" not in answer.headers


def test_a_connection_that_never_asks_is_given_up(page, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT", 0.3)
    place = ("127.0.0.1", int(page[:-1].split(":")[-1]))
    with socket.create_connection(place, timeout=20) as idle, contextlib.suppress(ConnectionResetError):
        assert idle.recv(1) == b""


def test_other_pages_cannot_ask(page):
    origin = {"Origin": "http://evil.test"}
    photo = {"files": ("cat.png", make_png(60, 80))}
    assert requests.post(f"{page}gradio_api/upload", files=photo, headers=origin, timeout=60).status_code == 403
    assert requests.post(f"{page}gradio_api/queue/join", json={}, headers=origin, timeout=60).status_code == 403
    assert requests.get(f"{page}config", headers=origin, timeout=60).status_code == 403


def test_jobs_are_small(page):
    for body in (b"[" * 100_000, iter([b"{", b"}"])):
        assert requests.post(f"{page}gradio_api/queue/join", data=body, timeout=60).status_code in (411, 413)


def test_uploads_of_a_visitor_are_bounded(monkeypatch):
    monkeypatch.setattr(server, "Quota", lambda: Quota(each=20_000))
    with studio.serve(PaintedPredictor(), port=0) as url:
        photo = {"files": ("cat.png", bytes(9_000))}
        statuses = [requests.post(f"{url}gradio_api/upload", files=photo, timeout=60).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_a_visitor_who_made_room_for_others_is_told_so(monkeypatch):
    """The error of a download says why its photo may be gone, and no other reason."""
    monkeypatch.setattr(server, "MAX_VISITORS", 3)
    with studio.serve(PaintedPredictor(), port=0) as url:
        pick = {"index": 0, "value": None}
        assert '"success":true' in call(url, "select", [], pick, visitor="first")
        assert '"success":true' in call(url, "click", [None, ["Things"], 0], visitor="first")
        for number in range(3):
            call(url, "select", [], pick, visitor=f"other-{number}")
        answer = call(url, "click", [None, ["Things"], 0], visitor="first")
    assert '"success":false' in answer
    assert "those of the last 64 visitors. Segment it again" in answer


def test_photos_wait_for_each_other(page, painted):
    photo = {"files": ("cat.png", make_png(60, 80))}
    (path,) = requests.post(f"{page}gradio_api/upload", files=photo, timeout=60).json()
    painted.gate.clear()
    with ThreadPoolExecutor() as visitors:
        uploads = [visitors.submit(call, page, "upload", [posing_as_upload(path), "cat.png"], visitor=n) for n in "ab"]
        picks = [visitors.submit(call, page, "select", [], {"index": 0, "value": None}, visitor=n) for n in "cd"]
        time.sleep(1)
        painted.gate.set()
    for job in uploads + picks:
        assert '"success":true' in job.result()
        assert "data:image/jpeg" in job.result()
    assert painted.most == 1


def test_uploads_that_are_too_large_are_refused(page):
    answer = requests.post(f"{page}gradio_api/upload", files={"files": ("big.png", bytes(33 * 2**20))}, timeout=60)
    assert answer.status_code == 413
    assert "maximum allowed size" in answer.text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "The server has no room for further photos. Try again later."),
        ("zh-CN", "服务器放不下更多照片了。请稍后再试。"),
    ],
)
def test_a_full_disk_is_told_in_a_sentence(monkeypatch, tmp_path, caplog, language, told):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with studio.serve(PaintedPredictor(), port=0) as url:
        before = sorted(tmp_path.rglob("*"))
        files, headers = {"files": ("cat.png", bytes(2**20))}, {"Accept-Language": language}
        with full_disk(2**19):
            answer = requests.post(f"{url}gradio_api/upload", files=files, headers=headers, timeout=60)
        assert (answer.status_code, answer.content.decode()) == (507, told)
        assert sorted(tmp_path.rglob("*")) == before
        assert len(caplog.text.splitlines()) == 1
        assert "A visitor's file cannot be kept: " in caplog.text
        requests.post(f"{url}gradio_api/upload", files=files, timeout=60).raise_for_status()


def test_nothing_is_left(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with studio.serve(PaintedPredictor(), port=0) as url:
        requests.post(f"{url}gradio_api/upload", files={"files": ("cat.png", b"cat")}, timeout=60).raise_for_status()
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        assert list(folder.rglob("cat.png"))
    assert list(tmp_path.iterdir()) == []
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path)


def test_an_upload_that_is_broken_off_lies_in_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with studio.serve(PaintedPredictor(), port=0) as url:
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="cat.png"\r\n\r\n'
        with socket.create_connection((host, int(port))) as visitor:
            visitor.sendall(
                b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                b"Content-Length: 100000\r\n\r\n" + head + b"half a photo" * 1000
            )
            until = time.monotonic() + 20
            while not any(path.is_file() for path in tmp_path.rglob("*")):
                assert time.monotonic() < until
                time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken(page):
    port = int(page.rstrip("/").rsplit(":", 1)[1])
    with (
        pytest.raises(ConfigError, match=f"Cannot listen at host 127.0.0.1, port {port}: .*in use"),
        studio.serve(PaintedPredictor(), port=port),
    ):
        pass


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("no.such.host.invalid", 0), ("8.8.8.8", 0)])
def test_no_such_place(host, port):
    with (
        pytest.raises(ConfigError, match=f"Cannot listen at host {host}, port {port}: .+ Choose another"),
        studio.serve(PaintedPredictor(), host=host, port=port),
    ):
        pass


def test_studios_name_the_place(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "0")
    with studio.serve(PaintedPredictor()) as url:
        assert re.fullmatch(r"http://localhost:\d+/", url)
        assert requests.get(url, timeout=60).ok
    monkeypatch.setenv("GRADIO_SERVER_NAME", "")  # names none: this is not all addresses
    with studio.serve(PaintedPredictor()) as url:
        assert url.startswith(f"http://{server.HOST}:")


@pytest.fixture
def heeded_signals():
    """Nothing ignores them, as nohup has a process and its children do."""
    ignored = [number for number in ENDING if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.usefixtures("heeded_signals")
@pytest.mark.parametrize("ending", ENDING, ids=lambda ending: ending.name)
def test_run_leaves_nothing_when_it_is_ended(ending, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = []

    def visit_and_end():
        adapter = requests.adapters.HTTPAdapter(max_retries=Retry(connect=20, backoff_factor=0.1))
        with requests.Session() as visitor:
            visitor.mount("http://", adapter)
            visitor.get(f"http://127.0.0.1:{port}/gradio_api/heartbeat/visitor", timeout=60, stream=True)  # stays open
            visitor.post(f"http://127.0.0.1:{port}/gradio_api/upload", files={"files": ("cat.png", b"cat")}, timeout=60)
            seen.extend(tmp_path.iterdir())
            os.kill(os.getpid(), ending)

    former = [signal.getsignal(number) for number in ENDING]
    visitor = threading.Thread(target=visit_and_end)
    visitor.start()
    try:
        studio.run(PaintedPredictor(), port=port)
    finally:
        visitor.join()
    assert [signal.getsignal(number) for number in ENDING] == former
    assert capsys.readouterr() == (f"The page is at http://127.0.0.1:{port}/\n", "")
    assert len(seen) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_second_signal_keeps_photos_from_being_removed(tmp_path, monkeypatch):
    """It comes while they are removed."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    cleanup = tempfile.TemporaryDirectory.cleanup

    def remove(folder):
        for number in ENDING:
            os.kill(os.getpid(), number)
        assert list(tmp_path.iterdir()) == [Path(folder.name)]
        cleanup(folder)

    def end(self, sockets):
        raise KeyboardInterrupt

    monkeypatch.setattr(server.uvicorn.Server, "run", end)
    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", remove)
    studio.run(PaintedPredictor(), port=0)
    assert list(tmp_path.iterdir()) == []


def test_signals_that_are_ignored_stay_so(monkeypatch):
    """As nohup does."""
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: os.kill(os.getpid(), signal.SIGHUP))
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        studio.run(PaintedPredictor(), port=0)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_an_app_of_two_lines(monkeypatch):
    launched = []
    monkeypatch.setattr(studio, "launch", launched.append)
    app = (ROOT / "docs" / "studio.md").read_text().split("```python\n")[1].split("```")[0]
    assert len(app.strip().splitlines()) == 2
    exec(app)
    assert launched == ["damo/cv_swinL_panoptic-segmentation_cocopan"]


def test_launch_loads_the_model(monkeypatch, tmp_path):
    served = []
    monkeypatch.setattr(server, "run", lambda predictor, **options: served.append((predictor, options)))
    studio.launch(studio.EMBEDDED, port=7)
    ((predictor, options),) = served
    assert isinstance(predictor, PanopticPredictor)
    assert options == {"host": None, "port": 7}
    with pytest.raises(ConfigError, match="no model directory"):
        studio.launch(tmp_path)


def test_launch_takes_exported_files(monkeypatch, tmp_path):
    """It reaches the reader of such files, which refuses a program that nobody vouched for."""
    (tmp_path / "model.pt2").touch()
    monkeypatch.setattr(server, "run", None)
    for model in (tmp_path, tmp_path / "model.pt2"):
        with pytest.raises(ConfigError, match="is a PyTorch program"):
            studio.launch(model)
