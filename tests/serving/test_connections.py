"""Clients that hold connections, and never ask; and others, who still get their answers."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelscope_swinpan.serving import connections as module
from modelscope_swinpan.serving.connections import Connection
from modelscope_swinpan.serving.listening import listen, url


async def answer(request: Request) -> Response:
    return PlainTextResponse(await request.body())


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, uvicorn.Server]]:
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            Starlette(routes=[Route("/", answer, methods=["POST"])]), log_level="error", http=Connection, ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield url(listener), server
        finally:
            server.should_exit = True
            thread.join()


def connect(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(address[:-1].split(":")[-1])))


def is_open(client: socket.socket) -> bool:
    """Whether the server keeps the connection for long, though for less than it would wait for a request."""
    client.settimeout(15)
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


HALF = b"POST / HTTP/1.1\r\nHost: x\r\n"
WHOLE = HALF + b"Content-Length: 0\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", HALF, WHOLE + HALF], ids=["nothing", "half a head", "half of the second head"])
def test_clients_that_send_no_request_are_given_up(monkeypatch, sent):
    monkeypatch.setattr(module, "HEAD_TIMEOUT", 0.3)
    with (
        serving() as (address, server),
        connect(address) as idle,
    ):
        idle.sendall(sent)
        if sent.startswith(WHOLE):
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        for letter in b"X-Drip: on and on":
            time.sleep(0.05)
            with contextlib.suppress(OSError):
                idle.sendall(bytes([letter]) if sent else b"")
        assert not is_open(idle)
        assert not server.server_state.connections


@pytest.mark.parametrize("tick", [1e-9, 0.3], ids=["fine clock", "coarse clock"])
def test_many_idle_clients_leave_room_for_others(monkeypatch, tick):
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda self: time.monotonic() // tick * tick)
    monkeypatch.setattr(module, "most_connections", lambda: 3)
    with serving() as (address, _):
        first, second, third = (connect(address) for _ in range(3))
        assert requests.post(address, data=b"abc", timeout=20).text == "abc"
        assert not is_open(first)
        second.sendall(WHOLE)
        assert second.recv(4096).startswith(b"HTTP/1.1 200")
        for client in (first, second, third):
            client.close()


CROWD = """import socket, sys
from http.client import HTTPConnection
place = "127.0.0.1", int(sys.argv[1])
clients = [socket.create_connection(place) for _ in range(600)]
asking = HTTPConnection(*place, timeout=60)
asking.request("POST", "/", "abc")
print(asking.getresponse().read().decode())"""


def test_more_clients_at_once_than_files():
    """asyncio takes many before it tells of the first."""
    resource = pytest.importorskip("resource")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving() as (address, _):
        command = [sys.executable, "-c", CROWD, address[:-1].split(":")[-1]]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as crowd:
            # Half of the limit is for connections. Other tests may have left files open in this process.
            resource.setrlimit(resource.RLIMIT_NOFILE, (2 * len([*Path("/dev/fd").iterdir()]) + 110, most))
            try:
                assert crowd.communicate(timeout=90)[0] == b"abc\n"
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def test_slow_requests_are_not_idle(monkeypatch):
    monkeypatch.setattr(module, "HEAD_TIMEOUT", 0.2)
    with serving() as (address, _), connect(address) as client:
        client.sendall(HALF + b"Content-Length: 3\r\n\r\n")
        for letter in b"abc":
            time.sleep(0.3)
            client.sendall(bytes([letter]))
        client.settimeout(20)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
