"""A hub on the loopback interface: what ModelScope's client asks of the real one, with faults on demand."""

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

MODEL_ID = "damo/cv_swinL_panoptic-segmentation_cocopan"
DATASET_ID = "modelscope/COCO_segmentation_inference"
WEIGHTS = "pytorch_model.pt"


@dataclass
class Faults:
    """What goes wrong. All off: a healthy hub."""

    status: int = 200
    """Answer everything with this status instead."""
    seconds_per_answer: float = 0.0
    """Wait this long before every answer."""
    cut_after: int | None = None
    """Close the connection after so many bytes of every answer that is longer (the weights)."""
    commit_status: int = 200
    """Answer uploads with this status when all has arrived."""


@dataclass
class LoopbackHub:
    """Serves one model directory as ``model_id``, files under ``/files/``, and one dataset of their paths.

    Who has the ``token`` may upload to the directory; ``created`` is what was told of the model in doing so.

    Use as a context manager; it listens while the block runs. ``stop`` and ``start`` keep the port.
    """

    model_dir: Path
    files: dict[str, Path] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    model_id: str = MODEL_ID
    token: str = ""
    created: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> "LoopbackHub":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        for pattern, answer in _UPLOADS:
            if re.fullmatch(pattern.replace("MODEL_ID", self.hub.model_id), path):
                if self._allowed():
                    answer(self, json.loads(body))
                return
        self._answer_json({"Code": 200, "Data": {}})

    def do_PUT(self) -> None:
        body, oid = self._body(), self.path.rpartition("/")[2]
        if self._allowed():
            assert hashlib.sha256(body).hexdigest() == oid
            self.hub.blobs[oid] = body
            self._answer_json({"Code": 200})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _allowed(self) -> bool:
        """Whether who asks has the token; else they are told."""
        if self.hub.token and self.headers.get("Authorization") == f"Bearer {self.hub.token}":
            return True
        self._answer_json({"Code": 401, "Message": "user not logged in"}, 401)
        return False

    def _create(self, told: dict[str, Any]) -> None:
        if self.hub.created:
            self._answer_json({"Code": 10010101001, "Message": "model already exists"}, 409)
        else:
            self.hub.created.update(told)
            self._answer_json({"Code": 200, "Data": {"Id": 1}})

    def _offer(self, told: dict[str, Any]) -> None:
        """Where to put the large files that are not here yet."""
        wanted = [listed["oid"] for listed in told["objects"] if listed["oid"] not in self.hub.blobs]
        offers = [{"oid": oid, "actions": {"upload": {"href": f"{self.hub.url}/blobs/{oid}"}}} for oid in wanted]
        self._answer_json({"Code": 200, "Data": {"objects": offers}})

    def _commit(self, told: dict[str, Any]) -> None:
        status = self.hub.faults.commit_status
        if status != 200:
            self._answer_json({"Code": status, "Message": "commit refused"}, status)
            return
        for action in told["actions"]:
            path = self.hub.model_dir / action["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            large = action["type"] == "lfs"
            path.write_bytes(self.hub.blobs[action["sha256"]] if large else base64.b64decode(action["content"]))
        self._answer_json({"Code": 200, "Data": {}})

    def do_GET(self) -> None:
        self.hub.requests.append(self.path)
        time.sleep(self.hub.faults.seconds_per_answer)
        if self.hub.faults.status != 200:
            self._answer_json({"Code": self.hub.faults.status, "Message": "fault"}, self.hub.faults.status)
            return
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern.replace("MODEL_ID", self.hub.model_id), parts.path):
                answer(self, query, *match.groups())
                return
        self._answer_json({"Code": 404, "Message": f"no route {parts.path}"}, 404)

    def _model(self, query: dict[str, str]) -> None:
        owner, name = self.hub.model_id.split("/")
        self._answer_json({"success": True, "data": {"id": self.hub.model_id, "owner": owner, "name": name}})

    def _model_files(self, query: dict[str, str]) -> None:
        listed = [
            {
                "Path": path.relative_to(self.hub.model_dir).as_posix(),
                "Type": "blob",
                "Size": path.stat().st_size,
                "Sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted(self.hub.model_dir.rglob("*"))
            if path.is_file()
        ]
        self._answer_json({"Code": 200, "Data": {"Files": listed}})

    def _model_file(self, query: dict[str, str]) -> None:
        self._answer_file(self.hub.model_dir / query["FilePath"])

    def _revisions(self, query: dict[str, str]) -> None:
        branches = [{"Revision": "master", "CreatedAt": 0}]
        self._answer_json({"Code": 200, "Data": {"RevisionMap": {"Branches": branches, "Tags": []}}})

    def _nothing(self, query: dict[str, str]) -> None:
        self._answer_json({"Code": 200, "Data": {}})

    def _dataset(self, query: dict[str, str]) -> None:
        self._answer_json({"Code": 200, "Data": {"Id": 1, "Type": 2}})

    def _dataset_tree(self, query: dict[str, str]) -> None:
        self._answer_json({"Code": 200, "Data": {"Files": [{"Path": f"{DATASET_ID.split('/')[1]}.json"}]}})

    def _dataset_file(self, query: dict[str, str]) -> None:
        if query["FilePath"].endswith(".json"):
            self._answer_json({"default": {"validation": {"meta": "validation.csv"}}})
        else:
            rows = ["InputImage:FILE", *(f"{self.hub.url}/files/{name}" for name in self.hub.files)]
            self._answer("\n".join(rows).encode(), "text/csv")

    def _objects(self, query: dict[str, str]) -> None:
        self._answer_json({"Code": 200, "Data": []})

    def _file(self, query: dict[str, str], name: str) -> None:
        self._answer_file(self.hub.files[name])

    def _answer_file(self, path: Path) -> None:
        if not path.is_file():
            self._answer_json({"Code": 404, "Message": "no such file"}, 404)
            return
        self._answer(path.read_bytes(), "application/octet-stream")

    def _answer_json(self, value: object, status: int = 200) -> None:
        self._answer(json.dumps(value).encode(), "application/json", status)

    def _answer(self, body: bytes, kind: str, status: int = 200) -> None:
        total, start = len(body), 0
        if status == 200 and (match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))):
            start, status = int(match[1]), 206
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(total - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        body = body[start:]
        cut = self.hub.faults.cut_after
        if cut is not None and len(body) > cut:
            self.wfile.write(body[:cut])
            self.close_connection = True
        else:
            self.wfile.write(body)


_ROUTES = [
    (r"/openapi/v1/models/MODEL_ID", _Handler._model),
    (r"/api/v1/models/MODEL_ID/repo/files", _Handler._model_files),
    (r"/api/v1/models/MODEL_ID/repo", _Handler._model_file),
    (r"/api/v1/models/MODEL_ID/revisions", _Handler._revisions),
    (r"/api/v1/repos/internalAccelerationInfo", _Handler._nothing),
    (rf"/api/v1/datasets/{DATASET_ID}", _Handler._dataset),
    (r"/api/v1/datasets/1/repo/tree", _Handler._dataset_tree),
    (rf"/api/v1/datasets/{DATASET_ID}/repo", _Handler._dataset_file),
    (rf"/api/v1/datasets/{DATASET_ID}/ststoken", _Handler._nothing),
    (rf"/api/v1/datasets/{DATASET_ID}/oss/tree/", _Handler._objects),
    (r"/files/([^/]+)", _Handler._file),
]

_UPLOADS = [
    (r"/api/v1/models", _Handler._create),
    (r"/api/v1/repos/models/MODEL_ID/info/lfs/objects/batch", _Handler._offer),
    (r"/api/v1/repos/models/MODEL_ID/commit/master", _Handler._commit),
]
