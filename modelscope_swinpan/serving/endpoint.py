"""``POST /call`` for our pipeline, safe for clients that are not trusted.

ModelScope's own endpoint runs the model in the event loop, opens any file or address that a request names, lets Pillow
decode every format it knows, and answers every mistake with status 500 and a traceback.
"""

import asyncio
import base64
import json
import logging
import string
import threading
from contextlib import ExitStack
from pathlib import Path

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..errors import DeviceError, ImageError, SwinPanError
from ..files import is_url, unicode_forms
from ..images.embedded import embedded
from ..images.fetch import fetch
from ..images.sources import is_data_url
from . import patience
from .limits import Limits
from .patience import PatientResponse, Waits
from .request_body import parse
from .segmenter import Answer, Answerer, Call, UnexpectedError

MAX_PRESENT = 32
"""How many complete requests are handled at a time, for each worker; further ones get status 503."""
MAX_FETCHING = 16
"""How many of them may wait for other hosts, so that slow hosts leave room for images that come in the request."""
MAX_BODIES = 8
"""How many of the largest requests are held in memory at a time."""
MAX_NAME = 4096
"""The longest URL or path, in characters."""
MEGABYTE = 2**20

_TO_STANDARD_BASE64 = str.maketrans("-_", "+/", string.whitespace)
_logger = logging.getLogger(__name__)


class Endpoint:
    """Receives requests, fetches their images, and has them answered by whatever runs the model.

    A request has ModelScope's form, ``{"input": {"image": …}, "parameters": {…}}``. The image is a file's content in
    base64, an http(s) URL or, if the limits name a folder, a path in it. The answer is the pipeline's dict as JSON.
    Mistakes get a status of 400 or above and ModelScope's ``{"Code": …, "Success": false, "Message": …}``.
    """

    def __init__(self, answer: Answerer, limits: Limits, *, workers: int = 1) -> None:
        """Have requests answered by ``answer``, which has ``workers`` processes or replicas for them."""
        self._answer = answer
        self._limits = limits
        self._largest = limits.megabytes * MEGABYTE
        self._places = MAX_PRESENT * workers
        self._present = 0  # complete requests, until their answers are sent
        self._held = 0  # bytes of the bodies of all requests
        self._arriving, self._leaving = Waits(), Waits()
        self._fetching = threading.BoundedSemaphore(MAX_FETCHING)

    async def call(self, request: Request) -> Response:
        """Starlette's handler."""
        body = bytearray()
        try:
            self._check_room()
            await self._receive(request, body)
            self._check_room()
            return await self._answered(request, body)
        except Exception as error:
            return _refused(error)
        except asyncio.CancelledError:  # the second signal
            return failure(503, "The server was ended before it had the answer.")
        finally:
            self._held -= len(body)

    def _check_room(self) -> None:
        """Raise an HTTPException where no more requests can be handled, and no slow client can be given up for them."""
        if self._present >= self._places and not self._leaving.cut():
            raise HTTPException(503, f"{self._places} requests are being answered or waiting. Try again later.")

    async def _receive(self, request: Request, body: bytearray) -> None:
        """Read the request's body into ``body``."""
        too_large = HTTPException(413, f"The request is larger than {self._limits.megabytes} MiB, the limit here.")
        announced = request.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > self._largest:
            raise too_large
        if len(self._arriving) >= patience.most_connections() // 2:
            self._arriving.cut(seconds=0)
        with self._arriving.wait() as scope:
            async for chunk in request.stream():
                body += chunk
                self._held += len(chunk)
                if len(body) > self._largest:
                    raise too_large
                if chunk and self._held > MAX_BODIES * self._largest and not self._arriving.cut():
                    raise HTTPException(503, "Too many large requests are being answered. Try again later.")
        if scope.cancelled_caught:
            late = anyio.current_time() >= scope.deadline
            told = f" after {patience.TIMEOUT:g} s" if late else " when others needed the room"
            raise HTTPException(408, f"The request was not complete{told}.")

    async def _answered(self, request: Request, body: bytearray) -> Response:
        with ExitStack() as place:
            self._present += 1
            place.callback(self._leave)
            answer = await self._while_there(request, await run_in_threadpool(self.read, body))
            if isinstance(answer, Exception):
                return _refused(answer)
            return PatientResponse(answer, self._leaving, place.pop_all())

    async def _while_there(self, request: Request, call: Call) -> Answer:
        """The answer, or a ClientDisconnect as soon as the client has gone: a call that still waits is then dropped."""
        answering = asyncio.ensure_future(self._answer(call))
        leaving = asyncio.ensure_future(request.receive())  # the body is here: nothing else can come
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise ClientDisconnect
            return answering.result()
        finally:
            answering.cancel()
            leaving.cancel()

    def _leave(self) -> None:
        self._present -= 1

    def read(self, body: bytes | bytearray) -> Call:
        """Parse a request's body and fetch its image. A mistake in it raises a ConfigError or an ImageError."""
        image, parameters = parse(body)
        return Call(*self._load(image), parameters)

    def _load(self, image: str) -> tuple[bytes, str]:
        """The content of the image's file, and its name."""
        if is_url(image):
            if len(image) > MAX_NAME:
                raise ImageError(f"{image[:60]}…: more than {MAX_NAME} characters, which no address needs.")
            return self._fetch(image), image
        if path := self._path(image):
            if path.stat().st_size > self._largest:
                raise ImageError(f"{image}: larger than {self._limits.megabytes} MiB, the limit here.")
            return path.read_bytes(), image
        content = embedded(image) if is_data_url(image) else None
        if content is not None:
            return content, "input.image"
        try:
            return base64.b64decode(image.translate(_TO_STANDARD_BASE64), validate=True), "input.image"
        except ValueError:  # binascii.Error is one
            files = "not read" if self._limits.folder is None else "read from one folder only"
            raise ImageError(
                f"input.image is neither an http(s) URL nor a file's content in base64: {image[:60]!r}. Files of this "
                f"server are {files}."
            ) from None

    def _fetch(self, url: str) -> bytes:
        if not self._fetching.acquire(blocking=False):
            raise HTTPException(503, f"{MAX_FETCHING} images are being fetched from other hosts. Try again later.")
        try:
            return fetch(url, public_only=not self._limits.private_addresses, max_bytes=self._largest)
        finally:
            self._fetching.release()

    def _path(self, image: str) -> Path | None:
        """The file of that name, if it is in the folder that the limits allow."""
        folder = self._limits.folder
        if folder is None or len(image) > MAX_NAME:
            return None
        try:
            paths = ((folder / form).resolve() for form in unicode_forms(image))
            return next((path for path in paths if path.is_relative_to(folder) and path.is_file()), None)
        except (OSError, ValueError):  # not even the form of a path
            return None


def _refused(error: Exception) -> Response:
    """What a client is told of an error."""
    if isinstance(error, HTTPException):
        return failure(error.status_code, error.detail)
    if isinstance(error, ClientDisconnect):
        return failure(400, "The request was cut short.")
    if isinstance(error, SwinPanError):
        return failure(503 if isinstance(error, DeviceError) else 400, str(error))
    if isinstance(error, UnexpectedError):
        return failure(500, str(error))
    _logger.error("A request could not be answered.", exc_info=error)
    return failure(500, "The server failed; its log says why.")


def failure(status: int, message: str) -> Response:
    """What a client gets in place of an answer."""
    content = json.dumps({"Code": status, "Success": False, "Message": message})
    return Response(content, status, media_type="application/json")
