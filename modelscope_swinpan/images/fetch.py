"""Fetch an image over http or https, with limits on size and time."""

import contextlib
import socket
import threading
import time
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ..errors import ImageError
from .addresses import resolve

CONNECT_TIMEOUT = 10.0  # longest wait for a host's address, and for a connection, in seconds
READ_TIMEOUT = 20.0  # longest wait for the next bytes, in seconds
TOTAL_TIMEOUT = 60.0
"""Longest time for everything, in seconds: the host's address, redirects, headers and body. It stops a server that
sends a few bytes at a time."""
MAX_BYTES = 256 * 2**20  # the largest accepted body, in bytes
MAX_REDIRECTS = 5
_CHUNK = 64 * 1024
_DIRECT = (urllib3.connection.HTTPConnection, urllib3.connection.HTTPSConnection)
"""Kinds of connections that find the host's address themselves. A SOCKS proxy gets the host's name instead."""


def fetch(url: str, *, public_only: bool = False, max_bytes: int | None = None) -> bytes:
    """Download the body behind ``url``. Bodies of redirects are not read.

    Args:
        url: An http or https address.
        public_only: Connect to the public internet alone, also after a redirect. The address that is checked is the
            one that is connected to. Proxies and ``.netrc`` are ignored: they would open hosts to whoever names the
            URL, or give away our credentials.
        max_bytes: The largest accepted body, :data:`MAX_BYTES` by default.

    Raises:
        ImageError: the host cannot be reached, is not public or too slow, its status is not 200, or the body is too
            large or was cut short.
    """
    where = said = url
    largest = MAX_BYTES if max_bytes is None else max_bytes
    with _Deadline(TOTAL_TIMEOUT) as deadline, _Session(deadline, public_only=public_only) as session:
        try:
            for _ in range(MAX_REDIRECTS + 1):
                said = url if where == url else f"{url}: redirected to {where}"
                with session.get(where, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)) as response:
                    target = requests.Session.get_redirect_target(session, response)
                    body = _read(response, said, largest) if target is None else b""
                if deadline.passed:  # a body that the deadline cut short may look complete
                    raise TimeoutError
                if target is None:
                    return body
                where = urljoin(response.url, target)
        except ImageError:
            raise
        except _NotPublicError:
            raise ImageError(
                f"{said}: not on the public internet. This server fetches images from nowhere else."
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise ImageError(f"{said}: {_reason(error, deadline)}") from None
    raise ImageError(f"{url}: more than {MAX_REDIRECTS} redirects.")


def _read(response: requests.Response, said: str, largest: int) -> bytes:
    if response.status_code != requests.codes.ok:
        status = f"{response.status_code} {response.reason}".strip()
        raise ImageError(f"{said}: the server answered {status}, not 200 OK. Check the address.")
    too_large = ImageError(f"{said}: larger than {largest / 2**20:g} MiB, the limit for a fetched image.")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > largest):
        raise too_large
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):  # counts the bytes of the unpacked body
        body += chunk
        if len(body) > largest:
            raise too_large
    return bytes(body)


def _reason(error: Exception, deadline: "_Deadline") -> str:
    """What went wrong, as one sentence."""
    if deadline.passed:
        return f"not complete after {TOTAL_TIMEOUT:g} s, the limit for a fetched image."
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:g} s (to connect) or {READ_TIMEOUT:g} s (for the next bytes)."
    root: BaseException = error
    while root.__context__ is not None:  # the layers that requests and urllib3 wrap around it
        root = root.__context__
    cause = str(root).strip().rstrip(".") or type(root).__name__
    if isinstance(error, urllib3.exceptions.ProtocolError):  # only from the body: requests translates earlier ones
        return f"cut short by the server: {cause}. Try again."
    return f"could not be fetched: {cause}."


class _Deadline:
    """Cuts the connection that it watches when the time is up, whatever is being waited for.

    Timeouts of sockets are no bound: each byte that arrives begins a new one.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._cut()

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._end - time.monotonic())

    def watch(self, connection: socket.socket) -> None:
        """Watch a connection, in place of an earlier one. A copy is kept: TLS takes over the socket itself."""
        with self._lock:
            self._cut()
            self._watched = connection.dup()
            if self.passed:
                self._cut()

    def _pass(self) -> None:
        with self._lock:
            self.passed = True
            self._cut()

    def _cut(self) -> None:
        if self._watched is not None:
            with contextlib.suppress(OSError):  # the other side has closed it
                self._watched.shutdown(socket.SHUT_RDWR)
            self._watched.close()
            self._watched = None


class _NotPublicError(Exception):
    """A host has no public address."""


class _Session(requests.Session):
    """Follows no redirects, since requests would read the whole body of each. Its connections have the deadline."""

    def __init__(self, deadline: _Deadline, *, public_only: bool) -> None:
        super().__init__()
        self.trust_env = not public_only
        self.headers["Accept-Encoding"] = "identity"  # image files are compressed already, and packing costs time
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(deadline, public_only=public_only))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, whatever the answer."""


class _Adapter(HTTPAdapter):
    """Has the pools of connections make watched ones."""

    def __init__(self, deadline: _Deadline, *, public_only: bool) -> None:
        self._deadline, self._public_only = deadline, public_only
        super().__init__()

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """The pool for a request."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _watched(type(pool).ConnectionCls, self._deadline, self._public_only)
        return pool


def _watched(kind: Any, deadline: _Deadline, public_only: bool) -> Any:
    """A kind of connection that the deadline cuts, and that may connect to public addresses alone."""

    class Watched(kind):  # type: ignore[misc]
        _dns_host: str  # what urllib3 connects to

        def _new_conn(self) -> socket.socket:
            connection = self._connect() if public_only or kind in _DIRECT else super()._new_conn()
            deadline.watch(connection)
            return connection

        def _connect(self) -> socket.socket:
            """Connect to the first address that answers."""
            name = self._dns_host
            failed: Exception = _NotPublicError()
            seconds = min(CONNECT_TIMEOUT, deadline.left)
            for address in resolve(name, self.port, public_only=public_only, seconds=seconds):
                if deadline.passed:
                    raise TimeoutError
                self._dns_host = address
                try:
                    connection: socket.socket = super()._new_conn()
                    return connection
                except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError) as error:
                    failed = error
                finally:
                    self._dns_host = name  # which TLS and the header Host need
            raise failed

    return Watched
