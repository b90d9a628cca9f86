"""What visitors may send, and how much of it is kept. Requests are judged by their headers, before a body is read."""

import errno
import ipaddress
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .texts import texts_for

MEBIBYTE = 2**20
LIFETIME = 3600
"""How long a visitor's photo and downloads are kept, in seconds."""
MAX_VISITORS = 64
"""How many visitors' photos are kept. A further visitor replaces the one who was inactive for longest."""
MAX_EACH, MAX_TOTAL = 512 * MEBIBYTE, 2048 * MEBIBYTE
"""The most bytes of uploads and downloads that are kept at a time, of one visitor and of all."""
UPLOAD = "/gradio_api/upload"
LARGEST = {
    UPLOAD: 34 * MEBIBYTE,  # a photo of the largest size, and what surrounds it
    "/gradio_api/queue/join": 64 * 1024,
    "/gradio_api/cancel": 64 * 1024,
    "/gradio_api/reset": 64 * 1024,
}
"""All that the page posts, and the largest body of each, in bytes."""
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota
_logger = logging.getLogger(__name__)


class Quota:
    """How many bytes are kept at a time of each visitor and in total. Each counts for :data:`LIFETIME`."""

    def __init__(
        self, *, each: int = MAX_EACH, total: int = MAX_TOTAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each, self._total, self._clock = each, total, clock
        self._taken: deque[tuple[float, str, int]] = deque()  # when, by whom, how many
        self._lock = threading.Lock()

    def take(self, visitor: str, size: int) -> str | None:
        """Count ``size`` bytes from a visitor. If they are too many, only return the name of the text that says so."""
        size = max(size, 4096)  # what even an empty file takes
        with self._lock:
            while self._taken and self._taken[0][0] <= self._clock() - LIFETIME:
                self._taken.popleft()
            if size + sum(taken for _, other, taken in self._taken if other == visitor) > self._each:
                return "visitor_full"
            if size + sum(taken for _, _, taken in self._taken) > self._total:
                return "server_full"
            self._taken.append((self._clock(), visitor, size))
        return None

    def reason(self, refusal: str, texts: dict[str, str]) -> str:
        """What a visitor is told whose bytes were not taken."""
        return texts[refusal].format(mebibytes=self._each // MEBIBYTE)


def is_full(error: OSError) -> bool:
    """Whether a visitor's file could not be written for lack of room. The log is told."""
    full = error.errno in _FULL
    if full:
        _logger.error("A visitor's file cannot be kept: %s", error)
    return full


class VisitorLimits:
    """ASGI middleware that refuses what the page does not send: from other origins, too large, or too much.

    Gradio lets any web page that a visitor has open post to the server, reads bodies of any size, and redirects to any
    address that is asked for as a file.
    """

    def __init__(self, app: ASGIApp, quota: Quota) -> None:
        self._app = app
        self._quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await _refuse(refusal, scope, receive, send)
            return
        begun = leaves = False

        async def send_here(message: Message) -> None:
            nonlocal begun, leaves
            if message["type"] == "http.response.start":
                begun = True
                leaves = _leads_away(Headers(raw=message["headers"]).get("Location", ""), headers)
                if leaves:
                    await _refuse((HTTPStatus.FORBIDDEN, "No files of other hosts."), scope, receive, send)
            if not leaves:
                await send(message)

        try:
            await self._app(scope, receive, send_here)
        except OSError as error:
            if begun or not is_full(error):
                raise
            full = texts_for(headers)["server_full"]
            await _refuse((HTTPStatus.INSUFFICIENT_STORAGE, full), scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[HTTPStatus, str] | None:
        if _is_foreign(headers, safe=scope["method"] in ("GET", "HEAD")):
            return HTTPStatus.FORBIDDEN, "Only this page may ask its server."
        if scope["method"] in ("GET", "HEAD"):
            return None
        path = scope["path"].rstrip("/")
        largest = next((size for end, size in LARGEST.items() if path.endswith(end)), None)
        if largest is None or scope["method"] != "POST":
            return HTTPStatus.NOT_FOUND, "The page sends nothing here."
        announced = headers.get("Content-Length", "")
        if not announced.isdecimal():
            return HTTPStatus.LENGTH_REQUIRED, "The size of what is sent must be announced."
        if len(announced) > 18 or int(announced) > largest:
            shown = f"{largest // MEBIBYTE} MiB" if largest >= MEBIBYTE else f"{largest // 1024} KiB"
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Larger than {shown}, the maximum allowed size."
        if path.endswith(UPLOAD) and (
            full := self._quota.take(visitor((scope.get("client") or ("",))[0]), int(announced))
        ):
            return HTTPStatus.TOO_MANY_REQUESTS, self._quota.reason(full, texts_for(headers))
        return None


def visitor(host: str) -> str:
    """Who sends a request: an IPv4 address, or the network of an IPv6 address, since everybody has many of these."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def _is_foreign(headers: Headers, *, safe: bool) -> bool:
    """Whether another web page makes the visitor's browser send a request. Browsers say so; programs say nothing.

    ``safe`` requests, which change nothing, may come from a link.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none") and (not safe or "Origin" in headers)
    return "Origin" in headers and headers["Origin"] not in _origins(headers)


def _leads_away(location: str, headers: Headers) -> bool:
    """Whether a redirect leads to another host."""
    absolute = re.match(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", location, re.IGNORECASE)
    return bool(absolute) and not location.startswith(tuple(f"{origin}/" for origin in _origins(headers)))


def _origins(headers: Headers) -> set[str]:
    """The names of our own place: the host that a request was sent to, perhaps through a proxy."""
    hosts = {headers[name] for name in ("Host", "X-Forwarded-Host") if name in headers}
    return {f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts}


async def _refuse(refusal: tuple[HTTPStatus, str], scope: Scope, receive: Receive, send: Send) -> None:
    status, reason = refusal
    # The rest of the request is not read: the connection cannot be used again.
    await PlainTextResponse(reason, status, {"Connection": "close"})(scope, receive, send)
