"""Fetch an image over http or https, with limits on size and time."""

import time

import requests
import urllib3

from ..errors import ImageError

CONNECT_TIMEOUT = 10.0  # longest wait for a connection, in seconds
READ_TIMEOUT = 20.0  # longest wait for the next bytes, in seconds
TOTAL_TIMEOUT = 60.0
"""Longest time for the whole body, in seconds. It also stops a server that sends a few bytes at a time."""
MAX_BYTES = 256 * 2**20  # the largest accepted body, in bytes
MAX_REDIRECTS = 5
_CHUNK = 64 * 1024


def fetch(url: str, *, session: requests.Session | None = None, max_bytes: int | None = None) -> bytes:
    """Download the body behind ``url``.

    Args:
        url: An http or https address.
        session: The session to connect with, a plain one by default. This function closes it.
        max_bytes: The largest accepted body, :data:`MAX_BYTES` by default.

    Raises:
        ImageError: the host cannot be reached or is too slow, its status is not 200, or the body is too large or was
            cut short.
    """
    try:
        with session or requests.Session() as session:
            session.max_redirects = MAX_REDIRECTS
            # Image files are compressed already, and a compressed body could unpack to any size.
            headers = {"Accept-Encoding": "identity"}
            timeouts = (CONNECT_TIMEOUT, READ_TIMEOUT)
            with session.get(url, stream=True, timeout=timeouts, headers=headers) as response:
                if response.status_code != requests.codes.ok:
                    status = f"{response.status_code} {response.reason}".strip()
                    raise ImageError(f"{url}: the server answered {status}, not 200 OK. Check the address.")
                return _read_body(response, url, MAX_BYTES if max_bytes is None else max_bytes)
    except ImageError:
        raise
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise ImageError(
            f"{url}: no answer within {CONNECT_TIMEOUT:g} s (to connect) or {READ_TIMEOUT:g} s (for the next bytes)."
        ) from None
    except requests.TooManyRedirects:
        raise ImageError(f"{url}: more than {MAX_REDIRECTS} redirects.") from None
    except urllib3.exceptions.ProtocolError as error:  # only from the body: requests translates earlier ones
        raise ImageError(f"{url}: cut short by the server: {_root_cause(error)}. Try again.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise ImageError(f"{url}: could not be fetched: {_root_cause(error)}.") from None


def _read_body(response: requests.Response, url: str, max_bytes: int) -> bytes:
    deadline = time.monotonic() + TOTAL_TIMEOUT
    too_large = ImageError(f"{url}: larger than {max_bytes / 2**20:g} MiB, the limit for a fetched image.")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    body = bytearray()
    # read1 returns the bytes that have arrived. iter_content would wait for a full chunk and so miss the deadline.
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise too_large
        if time.monotonic() > deadline:
            raise ImageError(f"{url}: not complete after {TOTAL_TIMEOUT:g} s, the limit for a fetched image.")
    return bytes(body)


def _root_cause(error: BaseException) -> str:
    """The message of the innermost error, without the layers that requests and urllib3 wrap around it."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip().rstrip(".") or type(error).__name__
