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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..errors import ConfigError, DeviceError, ImageError, SwinPanError
from ..images.decode import decode_file
from ..images.embedded import embedded
from ..images.fetch import fetch
from ..images.sources import is_data_url
from .limits import Limits
from .request_body import parse

MAX_PRESENT = 32
"""The most requests that are handled at a time; further ones get status 503. Starlette has 40 threads."""
MAX_FETCHING = 16
"""The most of them that wait for other hosts, so that slow hosts leave room for images that come in the request."""
MAX_BODIES = 8
"""How many of the largest requests are held in memory at a time."""
BODY_TIMEOUT = 60.0
"""The longest time, in seconds, that a request may take to arrive."""
MAX_LISTED_PIXELS = 4_000_000
"""The largest image whose masks may be answered as lists: each segment has one number for each pixel."""
MAX_LISTED = 64_000_000
"""The most numbers in an answer. Each takes two bytes of it, and tens while it is written."""
MAX_NAME = 4096
"""The longest URL or path, in characters."""
MEGABYTE = 2**20

_TO_STANDARD_BASE64 = str.maketrans("-_", "+/", string.whitespace)
_logger = logging.getLogger(__name__)


class Call(NamedTuple):
    """A request: the image file's ``content``, the ``name`` that errors give it, and the pipeline's call options."""

    content: bytes
    name: str
    parameters: dict[str, Any]


class Endpoint:
    """Runs the model on one request at a time, in one thread, while further requests arrive and fetch their images.

    A request has ModelScope's form, ``{"input": {"image": …}, "parameters": {…}}``. The image is a file's content in
    base64, an http(s) URL or, if the limits name a folder, a path in it. The answer is the pipeline's dict as JSON.
    Mistakes get a status of 400 or above and ModelScope's ``{"Code": …, "Success": false, "Message": …}``.
    """

    def __init__(self, pipeline: Callable[..., Any], limits: Limits) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="swinpan")
        self._present = 0
        self._held = 0  # bytes of the bodies of all requests
        self._fetching = threading.BoundedSemaphore(MAX_FETCHING)

    async def call(self, request: Request) -> Response:
        """Starlette's handler."""
        if self._present >= MAX_PRESENT:
            return _failure(503, f"{MAX_PRESENT} requests are being answered or waiting. Try again later.")
        self._present += 1
        body = bytearray()
        try:
            await self._receive(request, body)
            call = await run_in_threadpool(self.read, body)
            answer = await asyncio.get_running_loop().run_in_executor(self._model_thread, self._segment, call)
            return Response(answer, media_type="application/json")
        except HTTPException as error:
            return _failure(error.status_code, error.detail)
        except ClientDisconnect:
            return _failure(400, "The request was cut short.")
        except DeviceError as error:
            return _failure(503, str(error))
        except SwinPanError as error:
            return _failure(400, str(error))
        except Exception:
            _logger.exception("A request could not be answered.")
            return _failure(500, "The server failed; its log says why.")
        finally:
            self._present -= 1
            self._held -= len(body)

    async def _receive(self, request: Request, body: bytearray) -> None:
        """Fill ``body`` with the request's."""
        largest = self._limits.megabytes * MEGABYTE
        too_large = HTTPException(413, f"The request is larger than {self._limits.megabytes} MiB, the limit here.")
        announced = request.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > largest:
            raise too_large
        try:
            with anyio.fail_after(BODY_TIMEOUT):
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > largest:
                        raise too_large
                    if self._held > MAX_BODIES * largest:
                        raise HTTPException(503, "Too many large requests are being answered. Try again later.")
        except TimeoutError:
            raise HTTPException(408, f"The request was not whole after {BODY_TIMEOUT:g} s.") from None

    def read(self, body: bytes | bytearray) -> Call:
        """Parse a request's body and fetch its image. A mistake in it raises a ConfigError or an ImageError."""
        image, parameters = parse(body)
        return Call(*self._load(image), parameters)

    def _load(self, image: str) -> tuple[bytes, str]:
        """The content of the image's file, and its name."""
        largest = self._limits.megabytes * MEGABYTE
        if image[:8].lower().startswith(("http://", "https://")):
            if len(image) > MAX_NAME:
                raise ImageError(f"{image[:60]}…: more than {MAX_NAME} characters, which no address needs.")
            return self._fetch(image), image
        if path := self._path(image):
            if path.stat().st_size > largest:
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
            largest = self._limits.megabytes * MEGABYTE
            return fetch(url, public_only=not self._limits.private_addresses, max_bytes=largest)
        finally:
            self._fetching.release()

    def _path(self, image: str) -> Path | None:
        """The file of that name, if it is in the folder that the limits allow."""
        folder = self._limits.folder
        if folder is None or len(image) > MAX_NAME:
            return None
        try:
            path = (folder / image).resolve()
            return path if path.is_relative_to(folder) and path.is_file() else None
        except (OSError, ValueError):  # not even the form of a path
            return None

    def _segment(self, call: Call) -> bytes:
        """The pipeline's answer, as JSON."""
        rgb = decode_file(call.content, call.name)
        if call.parameters.get("mask_format", "list") == "list" and rgb[..., 0].size > MAX_LISTED_PIXELS:
            raise ConfigError(
                f"{call.name}: masks of more than {MAX_LISTED_PIXELS / 1e6:g} megapixels are not answered as lists. "
                "Ask for mask_format 'rle' or 'png'."
            )
        answer = self._pipeline(rgb[..., ::-1], **call.parameters)  # ModelScope takes arrays as BGR
        if (listed := _count(answer)) > MAX_LISTED:
            raise ConfigError(
                f"{call.name}: the masks of all segments have {listed / 1e6:.0f} million pixels, and at most "
                f"{MAX_LISTED / 1e6:g} are answered as lists. Ask for mask_format 'rle' or 'png'."
            )
        return _text(answer).encode()


def _count(value: Any) -> int:
    """How many numbers the arrays of an answer hold."""
    if isinstance(value, dict | list):
        return sum(map(_count, value.values() if isinstance(value, dict) else value))
    return value.size if isinstance(value, np.ndarray) else 0


def _text(value: Any) -> str:
    """An answer as JSON, one array after the other: all together, as Python's numbers, would fill the memory."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value.tolist() if isinstance(value, np.ndarray) else value, separators=(",", ":"))


def _failure(status: int, message: str) -> Response:
    content = json.dumps({"Code": status, "Success": False, "Message": message})
    return Response(content, status, media_type="application/json")
