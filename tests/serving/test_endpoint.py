"""``POST /call`` without a server around it: what is asked for, what is refused, and who waits for whom."""

import asyncio
import base64
import gc
import io
import json
import threading
import time
import tracemalloc
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request

from modelscope_swinpan.errors import ConfigError, DeviceError, ImageError
from modelscope_swinpan.images.decode import decode_file
from modelscope_swinpan.serving import endpoint as module
from modelscope_swinpan.serving import patience
from modelscope_swinpan.serving.endpoint import Endpoint
from modelscope_swinpan.serving.limits import Limits
from modelscope_swinpan.serving.model_thread import ModelThread
from modelscope_swinpan.serving.processes import Processes
from modelscope_swinpan.serving.segmenter import Call, UnexpectedError
from tests.plugin.loopback import LoopbackHub

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def encoded(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, kind)
    return file.getvalue()


PNG = encoded()
IMAGE = base64.b64encode(PNG).decode()
WAIT = b"(nothing more comes)"
LEAVE = b"(the client leaves)"


async def echo(call: Call) -> bytes:
    """In the place of the model: what it was asked."""
    return json.dumps({"rgb": decode_file(call.content, call.name).tolist(), "parameters": call.parameters}).encode()


def post(endpoint: Endpoint, *chunks: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and content of the answer to one request, whose body arrives in pieces."""
    return asyncio.run(_post(endpoint, *chunks, **headers))


async def _post(endpoint: Endpoint, *chunks: bytes, pace: float = 0, **headers: str) -> tuple[int, dict[str, Any]]:
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        if chunks and not waiting:
            await asyncio.sleep(60)
        body = waiting.pop(0) if waiting else LEAVE
        if body == LEAVE:
            return {"type": "http.disconnect"}
        if body == WAIT:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": body, "more_body": waiting[:1] not in ([], [LEAVE])}

    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "headers": names}
    response = await endpoint.call(Request(scope, receive))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if pace:
            await asyncio.sleep(pace)

    await response(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message["body"] for message in sent[1:]))


def request(image: Any = IMAGE, **parameters: Any) -> bytes:
    return json.dumps({"input": {"image": image}, "parameters": parameters}).encode()


def test_an_image_in_base64_reaches_the_pipeline() -> None:
    urlsafe = IMAGE.replace("+", "-").replace("/", "_")
    bodies = [
        request(scores="virtual"),
        request("\r\n".join(IMAGE[start : start + 76] for start in range(0, len(IMAGE), 76)), scores="virtual"),
        request(urlsafe, scores="virtual"),
        request(f"data:image/png;base64,{IMAGE}", scores="virtual"),
        json.dumps({"input": IMAGE, "parameters": {"scores": "virtual"}}).encode(),
    ]
    assert urlsafe != IMAGE

    for body in bodies:
        expected = (200, {"rgb": RGB.tolist(), "parameters": {"scores": "virtual"}})
        assert post(Endpoint(echo, Limits()), body[:10], body[10:]) == expected
    assert post(Endpoint(echo, Limits()), json.dumps({"input": IMAGE}).encode())[1]["parameters"] == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The request is not JSON"),
        (b"\xff\xff", "The request is not JSON"),
        (b"[" * 4000, "The request is not JSON"),
        (b"image=photo.jpg", 'expected {"input": {"image"'),
        (b"\r\nContent-Type: image/jpeg\r\n\r\n\xff" * 2500, "must be JSON in ASCII, its image in base64"),
        (b"[" * 100_000, "The request is not JSON of the right form: it has over 5000 parts"),
        (b"[]", "The request has no input; expected"),
        (b"{}", "The request has no input; expected"),
        (b'{"input": {"image": ""}, "parameter": {}}', "unknown option 'parameter'. Did you mean 'parameters'?"),
        (b'{"input": {"picture": ""}}', "input: unknown option 'picture'"),
        (b'{"input": {}}', "must be a text"),
        (b'{"input": ["", ""]}', "must be a text"),
        (b'{"input": "", "parameters": null}', "parameters an object"),
        (request(batch_size=2), "parameters: unknown option 'batch_size'"),
        (request(tiles=32), "parameters: unknown option 'tiles'"),
        (request(mask_formt="rle"), "Did you mean 'mask_format'?"),
        (request(input=1), "parameters: unknown option 'input'"),
        (
            request(overlap_threshold=10**400),
            "overlap_threshold must be a number, true, false or a text, of at most 100",
        ),
        (request(scores=["real"]), "scores must be a number, true, false or a text"),
        (request(scores="x" * 101), "scores must be a number, true, false or a text"),
        (b'{"input": "", "parameters": {"scores": 1' + b"0" * 5000 + b"}}", "The request is not JSON: Exceeds"),
        (request("AAA"), "neither an http(s) URL nor a file's content in base64: 'AAA'"),
        (request("\ud800"), "neither an http(s) URL"),
        (request("http://\ud800/"), "http://"),
        (request("oss://bucket/photo.png"), "neither an http(s) URL"),
        (request("http://host/" + "x" * 5000), "more than 4096 characters"),
    ],
)
def test_bad_requests_are_named(body: bytes, said: str) -> None:
    status, answer = post(Endpoint(echo, Limits()), body)

    assert status == answer["Code"] == 400
    assert answer["Success"] is False
    assert said in answer["Message"]


LONG = 3_000_000
HOSTILE = {
    "nested lists": b"[" * LONG,
    "nested objects": b'{"a":' * (LONG // 5),
    "empty lists": b'{"input": [' + b"[]," * (LONG // 3) + b"[]]}",
    "numbers": b'{"input": "", "parameters": {"scores": [' + b"0," * (LONG // 2) + b"0]}}",
    "names": b"{" + b",".join(b'"%d": 0' % number for number in range(LONG // 12)) + b"}",
    "quotes in a text": b'{"input": "' + b'\\"' * (LONG // 2) + b'"}',
    "a long name": b'{"' + b"n" * LONG + b'": 0, "input": ""}',
    "a long option": b'{"input": "", "parameters": {"' + b"mask_formet" * (LONG // 11) + b'": 0}}',
    "a long value": b'{"input": "", "parameters": {"scores": "' + b"n" * LONG + b'"}}',
    "a long number": b'{"input": "", "parameters": {"overlap_threshold": ' + b"1" * LONG + b"}}",
    "one wide letter": b'{"input": "' + b"A" * LONG + "\U0001f600".encode() + b'"}',
    "wide letters": b'{"input": "' + b"\\ud83d\\ude00" * (LONG // 12) + b'"}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_request_takes_a_few_times_its_own_memory_and_is_refused_at_once(kind: str) -> None:
    async def never(call: Call) -> bytes:
        raise AssertionError("It reached the model.")

    endpoint = Endpoint(never, Limits())
    tracemalloc.start()
    try:
        began = time.monotonic()
        status, answer = post(endpoint, HOSTILE[kind])
        assert time.monotonic() - began < 5
        assert tracemalloc.get_traced_memory()[1] < 5 * LONG
    finally:
        tracemalloc.stop()
    assert status == 400
    assert len(answer["Message"]) < 300


def test_forms_of_json_that_clients_write() -> None:
    """PHP escapes slashes, .NET the plus sign; some put a mark before it, or write it prettily."""
    assert "/" in IMAGE
    assert "+" in IMAGE
    plain = request()
    pretty = json.dumps(json.loads(plain), indent=4).encode()
    for body in (
        plain.replace(b"/", b"\\/"),
        plain.replace(b"+", b"\\u002B"),
        b"\xef\xbb\xbf" + plain,
        pretty,
        plain.decode().encode("utf-16"),
    ):
        assert post(Endpoint(echo, Limits()), body)[0] == 200


def test_large_requests_are_bounded_together() -> None:
    """Not too many at a time; when they have gone, there is room again."""
    gate = Gate()
    endpoint = Endpoint(gate, Limits(megabytes=1))
    padded = request() + b" " * (2**20 - len(request()))

    async def crowd() -> list[int]:
        asked = [asyncio.create_task(_post(endpoint, padded)) for _ in range(module.MAX_BODIES + 1)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        gate.opened.set()
        return sorted([(await task)[0] for task in asked] + [(await _post(endpoint, padded))[0]])

    assert asyncio.run(crowd()) == [200] * 9 + [503]


def test_slow_hosts_leave_room_for_images_in_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = threading.Event()

    def slow(url: str, **_: Any) -> bytes:
        assert opened.wait(30)
        return PNG

    monkeypatch.setattr(module, "fetch", slow)
    endpoint = Endpoint(echo, Limits())

    async def crowd() -> None:
        fetching = [asyncio.create_task(_post(endpoint, request("http://slow.test/"))) for _ in range(20)]
        while sum(task.done() for task in fetching) < 20 - module.MAX_FETCHING:  # those that are refused
            await asyncio.sleep(0.01)
        assert (await _post(endpoint, request()))[0] == 200
        opened.set()
        statuses = sorted([(await task)[0] for task in fetching])
        assert statuses == [200] * module.MAX_FETCHING + [503] * (20 - module.MAX_FETCHING)
        assert (await _post(endpoint, request("http://slow.test/")))[0] == 200

    asyncio.run(crowd())


def test_large_requests_are_refused_before_they_are_read() -> None:
    endpoint = Endpoint(echo, Limits(megabytes=1))
    # Of the first only the headers are looked at, of the second no more than a megabyte.
    announced = post(endpoint, content_length=str(50 * 2**20))
    endless = post(endpoint, *[bytes(2**19)] * 3, WAIT)

    for status, answer in (announced, endless):
        assert status == answer["Code"] == 413
        assert answer["Message"] == "The request is larger than 1 MiB, the limit here."


def test_requests_that_never_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TIMEOUT", 0.1)

    status, answer = post(Endpoint(echo, Limits()), b"{", WAIT)

    assert status == 408
    assert answer["Message"] == "The request was not complete after 0.1 s."


DRIP = [b" ", WAIT]


@pytest.mark.parametrize("limit", ["MAX_PRESENT", "most_connections", "MAX_BODIES"])
def test_clients_that_send_slowly_leave_room_for_others(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Bytes that come one by one, or stop; a client that sends its request at once still gets its answer."""
    if limit == "most_connections":
        monkeypatch.setattr(patience, limit, lambda: 4)
    else:
        monkeypatch.setattr(module, limit, 2)
    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    endpoint = Endpoint(echo, Limits(megabytes=1))
    large = [b" " * 2**20, WAIT]

    async def crowd() -> list[tuple[int, dict[str, Any]]]:
        slow = [asyncio.create_task(_post(endpoint, *(large if limit == "MAX_BODIES" else DRIP))) for _ in range(2)]
        await asyncio.sleep(0.01 if limit == "most_connections" else 0.3)
        answers = [await _post(endpoint, request()) for _ in range(3)]
        cut = [task.result() for task in slow if task.done()]
        return answers + cut

    found = asyncio.run(crowd())
    assert [status for status, _ in found] == [200] * 3 + [408] * (len(found) - 3)
    assert len(found) == (3 if limit == "MAX_PRESENT" else 4)  # nothing is given up where there is room
    for _, answer in found[3:]:
        assert answer["Message"] == "The request was not complete when others needed the room."


def test_clients_that_take_answers_slowly_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PRESENT", 2)
    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    endpoint = Endpoint(echo, Limits())

    async def crowd() -> list[int]:
        slow = [asyncio.create_task(_post(endpoint, request(), pace=60)) for _ in range(2)]
        await asyncio.sleep(0.1)
        refused = await _post(endpoint, request())
        await asyncio.sleep(0.2)
        statuses = [refused[0], *[(await _post(endpoint, request()))[0] for _ in range(3)]]
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return statuses

    assert asyncio.run(crowd()) == [503, 200, 200, 200]


def test_answers_are_sent_in_pieces() -> None:
    async def long(call: Call) -> bytes:
        return b'"' + b"x" * (3 * patience.PIECE) + b'"'

    assert post(Endpoint(long, Limits()), request()) == (200, "x" * 3 * patience.PIECE)  # type: ignore[comparison-overlap]


def test_refused_requests_leave_memory_at_once() -> None:
    """Without the garbage collector's help. A thread may hold the last one."""

    async def refuse(call: Call) -> ImageError:
        return ImageError("no image")

    endpoint = Endpoint(refuse, Limits())
    body = request(base64.b64encode(bytes(LONG)).decode())
    post(endpoint, body)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(6):
            assert post(endpoint, body)[0] == 400
        assert tracemalloc.get_traced_memory()[0] < 4 * LONG
    finally:
        tracemalloc.stop()
        gc.enable()


def test_clients_that_leave(caplog: pytest.LogCaptureFixture) -> None:
    assert post(Endpoint(echo, Limits()))[0] == 400
    assert not caplog.records


@pytest.mark.parametrize("processes", [False, True])
def test_what_waits_goes_with_its_client(monkeypatch: pytest.MonkeyPatch, processes: bool) -> None:
    """A request that has begun is answered; its place is free at once."""
    monkeypatch.setattr(module, "MAX_PRESENT", 4)
    begun, done, asked = threading.Event(), threading.Event(), []

    class Slow:
        predictor = SimpleNamespace(batch_size=1)

        def __call__(self, calls: Any) -> list[bytes]:
            for one in calls:
                asked.append(one.parameters["overlap_threshold"])
                begun.set()
                assert done.wait(30)
            return [b"{}"] * len(calls)

    class OneByOne(Processes):
        def __init__(self) -> None:
            self._threads = ThreadPoolExecutor(1)

        def _answer(self, call: Call) -> bytes:
            return Slow()([call])[0]

    endpoint = Endpoint(OneByOne() if processes else ModelThread(Slow()), Limits())  # type: ignore[arg-type]

    async def crowd() -> list[int]:
        first = asyncio.create_task(_post(endpoint, request(overlap_threshold=0)))
        await asyncio.to_thread(begun.wait, 30)
        gone = [await _post(endpoint, request(overlap_threshold=number), LEAVE) for number in range(1, 9)]
        await asyncio.sleep(0.1)  # some turns of the loop
        done.set()
        last = await _post(endpoint, request(overlap_threshold=9))
        return [status for status, _ in (*gone, await first, last)]

    assert asyncio.run(crowd()) == [400] * 8 + [200, 200]
    assert asked == [0, 9]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError("overlap_threshold must be float"), 400, "overlap_threshold must be float"),
        (DeviceError("cuda:0 ran out of memory"), 503, "cuda:0 ran out of memory"),
        (UnexpectedError("3 workers died"), 500, "3 workers died"),
        (RuntimeError("the secret is 1234"), 500, "The server failed; its log says why."),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_errors_of_the_model(
    error: Exception, status: int, said: str, answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(call: Call) -> Any:
        if answered:
            return error
        raise error

    assert post(Endpoint(fail, Limits()), request()) == (status, {"Code": status, "Success": False, "Message": said})
    assert ("the secret" in caplog.text) == ("secret" in str(error))


class Gate:
    """In the place of the model: it answers when it is opened, and counts who waits."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.most = 0

    async def __call__(self, call: Call) -> bytes:
        self.most += 1
        await asyncio.wait_for(self.opened.wait(), 30)
        return b"{}"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_bound_to_those_who_wait(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(module, "MAX_PRESENT", 8)
    gate = Gate()
    endpoint = Endpoint(gate, Limits(), workers=workers)

    async def crowd() -> list[int]:
        asked = [asyncio.create_task(_post(endpoint, request())) for _ in range(8 * workers + 1)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)  # the one too many
        gate.opened.set()
        return sorted([(await task)[0] for task in asked] + [(await _post(endpoint, request()))[0]])

    assert asyncio.run(crowd()) == [200] * (8 * workers + 1) + [503]


def test_paths_are_read_in_the_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "photo.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    endpoint = Endpoint(echo, Limits(folder=folder))

    for name in ("inner/photo.png", str(folder / "inner" / "photo.png"), "inner/../inner/photo.png"):
        assert post(endpoint, request(name))[0] == 200
        assert "Files of this server are not read" in post(Endpoint(echo, Limits()), request(name))[1]["Message"]
    for name in ("inner", "no.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "a\0.png", "x." * 2000):
        status, answer = post(endpoint, request(name))
        assert status == 400
        assert "Files of this server are read from one folder only" in answer["Message"]
    assert post(endpoint, request())[0] == 200


@pytest.mark.parametrize(("there", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_paths_in_the_other_form_of_unicode(
    tmp_path: Path, there: Literal["NFC", "NFD"], written: Literal["NFC", "NFD"]
) -> None:
    (tmp_path / unicodedata.normalize(there, "é.png")).write_bytes(PNG)
    endpoint = Endpoint(echo, Limits(folder=tmp_path))
    assert post(endpoint, request(unicodedata.normalize(written, "é.png")))[0] == 200


def test_files_have_the_limit_of_requests(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(bytes(2**20 + 1))

    with pytest.raises(ImageError, match=r"^large\.png: larger than 1 MiB"):
        Endpoint(echo, Limits(folder=tmp_path, megabytes=1)).read(request("large.png"))


def test_private_addresses_are_fetched_from_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    (tmp_path / "large.png").write_bytes(bytes(2**20 + 1))
    files = {path.name: path for path in tmp_path.iterdir()}
    open_endpoint = Endpoint(echo, Limits(private_addresses=True, megabytes=1))

    with LoopbackHub(tmp_path, files=files) as host:
        url = f"{host.url}/files/photo.png"
        assert post(open_endpoint, request(url)) == (200, {"rgb": RGB.tolist(), "parameters": {}})
        assert "larger than 1 MiB" in post(open_endpoint, request(f"{host.url}/files/large.png"))[1]["Message"]
        asked = len(host.requests)

        status, answer = post(Endpoint(echo, Limits()), request(url))

    assert (status, answer["Message"][: len(url)]) == (400, url)
    assert "not on the public internet" in answer["Message"]
    assert len(host.requests) == asked
