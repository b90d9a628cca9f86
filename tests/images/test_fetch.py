"""Images by URL, from a server on this machine that behaves well and badly."""

import contextlib
import gzip
import io
import itertools
import socket
import threading
import time
import tracemalloc
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import fetch as remote
from modelscope_swinpan.images.decode import decode_image

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)

BOMB = gzip.compress(bytes(10**7))


def png():
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        with contextlib.suppress(OSError):  # clients that leave early
            getattr(self, self.path.strip("/").split("?")[0])()

    def log_message(self, *_):
        pass

    def answer(self, body=b"", status=200, **headers):
        headers = {"content_length": len(body), "connection": "close", **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def image(self):
        self.answer(png())

    def chunked(self):
        body = png()
        self.answer(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), transfer_encoding="chunked", content_length=0)

    def zipped(self):
        self.answer(gzip.compress(png()), content_encoding="gzip")

    def moved(self):
        self.answer(status=302, location="/image")

    def moved_forever(self):
        self.answer(status=301, location="/moved_forever")

    def moved_to_a_file(self):
        self.answer(status=302, location="file:///etc/hostname")

    def missing(self):
        self.answer(b"<html>Not here</html>", status=404)

    def broken(self):
        self.answer(status=500)

    def page(self):
        self.answer(b"<html>Please log in</html>", content_type="text/html")

    def empty(self):
        self.answer()

    def cut_short(self):
        self.answer(png()[:-100], content_length=len(png()))

    def cut_short_chunked(self):
        self.answer(b"ff\r\nabc", transfer_encoding="chunked", content_length=0)

    def silent(self):
        time.sleep(1)

    def stalling(self):
        self.answer(b"x", content_length=1000)
        time.sleep(1)

    def dripping(self):
        self.answer(content_length=1000)
        for _ in range(20):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def large(self):
        self.answer(content_length=10**12)

    def endless(self):
        self.answer(content_length="")
        while True:
            self.wfile.write(bytes(65536))

    def bomb(self):
        self.answer(BOMB, content_encoding="gzip")

    def garbage(self):
        self.wfile.write(b"garbage\r\n\r\n")


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(remote, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(remote, "TOTAL_TIMEOUT", 0.5)
    monkeypatch.setattr(remote, "MAX_BYTES", 2**20)


@pytest.mark.parametrize("page", ["image", "image?size=large", "chunked", "zipped", "moved"])
def test_images_are_read(server, page):
    np.testing.assert_array_equal(decode_image(f"{server}/{page}"), RGB)
    np.testing.assert_array_equal(decode_image({"image": f"{server}/{page}".replace("http", "HTTP")}), RGB)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("missing", "answered 404 Not Found"),
        ("broken", "answered 500"),
        ("moved_forever", "more than 5 redirects"),
        ("moved_to_a_file", "could not be fetched: .*file:///etc/hostname"),
        ("page", "not an image in a known format"),
        ("empty", "empty, expected an image"),
        ("cut_short", "cut short.*100 more expected"),
        ("cut_short_chunked", "cut short"),
        ("silent", "no answer within"),
        ("stalling", "no answer within"),
        ("dripping", "not complete after 0.5 s"),
        ("large", "larger than 1 MiB"),
        ("endless", "larger than 1 MiB"),
        ("bomb", "larger than 1 MiB"),
        ("garbage", "could not be fetched: garbage"),
    ],
)
def test_bad_answers(server, page, message):
    began = time.monotonic()
    with pytest.raises(ImageError, match=f"^{server}/{page}: .*{message}"):
        decode_image(f"{server}/{page}")
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://a b/c", "http://\udc80/", "http://127.0.0.1:99999/", "https://*/x"]
)
def test_impossible_addresses(url):
    with pytest.raises(ImageError, match="could not be fetched"):
        decode_image(url)


def test_nobody_listens():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/image"
    with pytest.raises(ImageError, match=r"could not be fetched: .*refused\.$"):
        decode_image(url)


def test_https_is_spoken_to_https(server):
    with pytest.raises(ImageError, match=r"could not be fetched: .*SSL"):
        decode_image(server.replace("http", "https"))


def test_the_limit_of_size_may_be_lower(server):
    assert remote.fetch(f"{server}/image", max_bytes=len(png())) == png()
    with pytest.raises(ImageError, match="larger than"):
        remote.fetch(f"{server}/image", max_bytes=len(png()) - 1)


DRIPS = {
    "status line": (b"", b"H"),
    "reason": (b"HTTP/1.1 200 ", b"O"),
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
    "body without a length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: x\r\n"),
    "encoding": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + gzip.compress(b"x")[:10],
        b"\0\0\0\xff\xff",  # an empty block
    ),
    "redirect": (b"HTTP/1.1 302 Found\r\nContent-Length: 1000\r\nLocation: /\r\nX: ", b"x"),
    "handshake": (b"\x16\x03\x03\x10\x00\x02", b"\0"),  # the head of a long message of TLS, then its bytes
}


@contextlib.contextmanager
def answering(answer):
    """A server on this machine that calls ``answer`` with each connection, in a thread; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):  # the listener is closed, or a client has left
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection):
            with contextlib.suppress(OSError), connection:
                connection.recv(4096)
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("way", DRIPS)
def test_no_way_to_drip_outlasts_the_deadline(way):
    """A byte now and then, in any part of an answer: each is in time for the wait for the next bytes."""
    first, drop = DRIPS[way]

    def drip(connection):
        connection.sendall(first)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    began = time.monotonic()
    with answering(drip) as port, pytest.raises(ImageError, match=r"not complete after 0\.5 s"):
        remote.fetch(f"http{'s' if way == 'handshake' else ''}://127.0.0.1:{port}/")
    assert 0.4 < time.monotonic() - began < 3


def test_redirects_share_one_deadline(monkeypatch):
    """Each comes in time."""
    monkeypatch.setattr(remote, "READ_TIMEOUT", 20)

    def redirect(connection):
        time.sleep(0.2)
        connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\r\n\r\n")

    began = time.monotonic()
    with answering(redirect) as port, pytest.raises(ImageError, match=r"not complete after 0\.5 s"):
        remote.fetch(f"http://127.0.0.1:{port}/")
    assert time.monotonic() - began < 3


def test_hosts_of_many_silent_addresses(monkeypatch):
    monkeypatch.setattr(remote, "resolve", lambda *_, **__: [f"127.0.0.{number}" for number in range(1, 200)])
    asked = []

    def connect(address, *_, **__):
        asked.append(address)
        time.sleep(0.1)
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(ImageError, match=r"not complete after 0\.5 s"):
        remote.fetch("http://many.test/")
    assert 3 <= len(asked) <= 7


def test_the_proxy_of_the_environment_is_used(monkeypatch):
    """It finds the hosts, which this machine may not know, and it too has the deadline."""
    asked = []
    body = png()

    def proxy(connection):
        if asked:
            time.sleep(5)
        asked.append(True)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    monkeypatch.setattr(remote, "READ_TIMEOUT", 20)
    with answering(proxy) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        assert remote.fetch("http://unknown.invalid/") == body
        with pytest.raises(ImageError, match=r"not complete after 0\.5 s"):
            remote.fetch("http://unknown.invalid/")


@pytest.mark.parametrize("length", ["Content-Length: 500000000", "Transfer-Encoding: chunked", "X: none"])
def test_bodies_of_redirects_are_not_read(length, monkeypatch):
    sent, numbers = [0], itertools.count()
    monkeypatch.setattr(remote, "TOTAL_TIMEOUT", 20)
    body = png()

    def flood(connection):
        if next(numbers) == remote.MAX_REDIRECTS:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        connection.sendall(f"HTTP/1.1 302 Found\r\n{length}\r\nLocation: /\r\n\r\n".encode())
        part = b"fffa\r\n" + bytes(0xFFFA) + b"\r\n"
        for _ in range(8000):
            connection.sendall(part)
            sent[0] += len(part)

    with answering(flood) as port:
        assert remote.fetch(f"http://127.0.0.1:{port}/") == body
    assert sent[0] < remote.MAX_REDIRECTS * 16 * 2**20  # what fits the system's buffers


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_compressed_bodies_are_unpacked_piece_by_piece(encoding):
    """64 MB of zeros; twice compressed, they come in 300 bytes."""
    packed = zlib.compressobj(9, wbits=15 if encoding == "deflate" else 31)
    body = b"".join(packed.compress(bytes(2**20)) for _ in range(2**6)) + packed.flush()
    body = gzip.compress(body) if "," in encoding else body
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with answering(lambda connection: connection.sendall(head + body)) as port:
        tracemalloc.start()
        try:
            with pytest.raises(ImageError, match="larger than 1 MiB"):
                remote.fetch(f"http://127.0.0.1:{port}/")
            assert tracemalloc.get_traced_memory()[1] < 2**23
        finally:
            tracemalloc.stop()
