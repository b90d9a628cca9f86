"""Which addresses a server fetches from, by what their names resolve to; nothing here leaves this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import addresses
from modelscope_swinpan.images import fetch as remote
from modelscope_swinpan.images.addresses import resolve
from modelscope_swinpan.images.fetch import fetch

PUBLIC = "93.184.215.14"


class Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        target = {"/moved": "http://public.test/image", "/inwards": "http://169.254.169.254/latest"}.get(self.path)
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.end_headers()
        self.wfile.write(b"image")

    def log_message(self, *_: Any) -> None:
        pass


class Internet:
    """Names that resolve as told, one answer after the other; a public address leads to a server on this machine."""

    def __init__(self, names: dict[str, list[str]], port: int) -> None:
        self.names, self.port = names, port
        self.connected: list[str] = []

    def getaddrinfo(self, host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        answers = self.names.get(host)
        address = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else host
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    def create_connection(self, address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        (answer,) = self.getaddrinfo(*address)
        self.connected.append(answer[4][0])
        return socket.create_connection(("127.0.0.1", self.port))


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        net = Internet({"public.test": [PUBLIC], "intranet.test": ["10.1.2.3"]}, running.server_port)
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", net.getaddrinfo)
            patch.setattr("urllib3.util.connection.create_connection", net.create_connection)
            yield net
        running.shutdown()
        thread.join()


def public(url: str) -> bytes:
    return fetch(url, public_only=True)


def test_public_hosts_are_fetched_from_under_their_name(internet: Internet) -> None:
    assert public("http://public.test/moved") == b"image"
    assert internet.connected == [PUBLIC, PUBLIC]
    assert Handler.asked == [("/moved", "public.test"), ("/image", "public.test")]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fc00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:192.168.0.1]",
        "[2002:7f00:1::]",
        "[2002:808:808::]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::808:808]",
        "[64:ff9b:1::808:808]",
        "[fec0::1]",
        "[::127.0.0.1]",
        "[::8.8.8.8]",
        "[::ffff:0:127.0.0.1]",
        "[::ffff:0:8.8.8.8]",
        "[2001::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[100::1]",
        "192.0.0.8",
        "192.88.99.1",
        "intranet.test",
    ],
)
def test_other_addresses_are_refused(internet: Internet, host: str) -> None:
    with pytest.raises(ImageError, match=r"^http://.*/image: not on the public internet"):
        public(f"http://{host}/image")
    assert internet.connected == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "017700000001"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(ImageError, match="not on the public internet"):
            public(f"{scheme}://{host}:1/image")


@pytest.mark.parametrize("host", ["[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "[::ffff:93.184.215.14]", "8.8.8.8"])
def test_public_addresses_are_not(internet: Internet, host: str) -> None:
    assert public(f"http://{host}/image") == b"image"
    assert internet.connected == [host.strip("[]")]


def test_of_several_addresses_only_public_ones_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["10.0.0.1", "93.184.215.14", "fec0::1", "2606:4700::1111"]
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in answers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    assert resolve("several.test", 80, public_only=True) == ["93.184.215.14", "2606:4700::1111"]
    assert resolve("several.test", 80) == answers


@pytest.mark.parametrize("host", ["slow.test", "private.test"])
def test_a_lookup_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Nor is a turn, once so many are on their way; when they end, all is well again."""
    ended, asked = threading.Event(), []

    def getaddrinfo(*given: Any, **_: Any) -> list[Any]:
        asked.append(given)
        ended.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(remote, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(addresses, "_free", threading.BoundedSemaphore(2))
    began = time.monotonic()
    for _ in range(4):
        with pytest.raises(ImageError, match=rf"the address of {host} was not found within 0\.2 s\.$"):
            public(f"http://{host}/image")
    assert time.monotonic() - began < 2
    assert len(asked) == 2
    ended.set()
    assert resolve(host, 80, seconds=5) == [PUBLIC]


def test_the_whole_time_bounds_a_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(20))
    monkeypatch.setattr(remote, "TOTAL_TIMEOUT", 0.2)
    began = time.monotonic()
    with pytest.raises(ImageError, match=r"^http://slow\.test/: "):
        remote.fetch("http://slow.test/")
    assert time.monotonic() - began < 2
    ended.set()


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ImageError, match="Name or service not known"):
        remote.fetch("http://nowhere.test/")


def test_redirects_are_checked_too(internet: Internet) -> None:
    with pytest.raises(
        ImageError,
        match=r"^http://public\.test/inwards: redirected to http://169\.254\.169\.254/latest: not on the",
    ):
        public("http://public.test/inwards")
    assert internet.connected == [PUBLIC]


def test_the_address_that_is_checked_is_the_one_connected_to(internet: Internet) -> None:
    """A name that resolves to a public address once, and to a private one from then on."""
    internet.names["rebinding.test"] = [PUBLIC, "127.0.0.1"]

    assert public("http://rebinding.test/image") == b"image"
    assert internet.connected == [PUBLIC]
    assert Handler.asked == [("/image", "rebinding.test")]


def test_proxies_and_credentials_of_this_machine_are_left_out(
    internet: Internet, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine public.test login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://10.0.0.1:3128")
    monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")

    assert public("http://public.test/image") == b"image"
    assert internet.connected == [PUBLIC]
