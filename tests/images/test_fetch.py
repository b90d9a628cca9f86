"""Images by URL, from a server on this machine that behaves well and badly."""

import contextlib
import gzip
import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import requests
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import fetch as remote
from modelscope_swinpan.images.decode import decode_image

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


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
        self.answer(gzip.compress(bytes(10**7)), content_encoding="gzip")

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


def test_a_session_is_used_and_closed(server):
    closed = []

    class Session(requests.Session):
        def close(self):
            closed.append(True)
            super().close()

    session = Session()
    session.headers["User-Agent"] = "ours"
    assert remote.fetch(f"{server}/image", session=session) == png()
    assert closed == [True]
