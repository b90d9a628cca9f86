"""Images that a text holds itself: in a ``data:`` URL, or as plain base64."""

import base64
import string
from urllib.parse import unquote_to_bytes

from ..errors import ImageError
from .fetch import MAX_BYTES
from .kinds import HEAD, image_format
from .sources import is_data_url

_STANDARD = str.maketrans("-_", "+/", string.whitespace)
"""From base64 that is safe in URLs, or has line breaks, to plain base64."""


def embedded(text: str) -> bytes | None:
    """The image file that ``text`` holds; None if it is a path or an address.

    Plain base64 is recognised by what it begins with: the first bytes of an image.

    Raises:
        ImageError: a ``data:`` URL is damaged, or larger than :data:`~.fetch.MAX_BYTES`.
    """
    if is_data_url(text):
        head, comma, body = text.partition(",")
        if not comma:
            raise ImageError(f"{text[:40]}: a data: URL without a comma, expected data:image/png;base64,….")
        if not head.lower().rstrip().endswith(";base64"):
            return _bounded(unquote_to_bytes(body), text)
        return _bounded(decode_base64(unquote_to_bytes(body).decode("latin-1")), text)
    start = text[: 2 * HEAD].lstrip()[:HEAD]  # a multiple of 4
    try:
        if image_format(decode_base64(start)) is None:
            return None
        return _bounded(decode_base64(text), text)
    except ImageError:
        return None


def decode_base64(text: str) -> bytes:
    """Decode base64, also the kind for URLs, with or without line breaks and padding.

    Raises:
        ImageError: it is no base64.
    """
    try:
        plain = text.translate(_STANDARD).rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:  # binascii.Error is one
        raise ImageError(f"{text[:40]}…: no base64.") from None


def _bounded(content: bytes, text: str) -> bytes:
    if len(content) > MAX_BYTES:
        raise ImageError(f"{text[:40]}…: larger than {MAX_BYTES / 2**20:g} MiB, the limit for an image in a text.")
    return content
