"""The JSON of a request to ``/call``, bounded before anything is made of it.

A megabyte of ``[[[[…`` or ``0,0,0,…`` becomes 30 to 80 MB of Python's objects. A proper request holds one long text,
the image in base64, and little else.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..config import check_names
from ..errors import ConfigError
from .answers import THRESHOLDS

PARAMETERS = ("mask_format", "scores", *THRESHOLDS)
"""The call options that clients may use. Others can cost days of work, such as small tiles of a large photo."""
MAX_PARTS = 5000
"""The most quotation marks, commas, colons and opening brackets, which bound the number of JSON's values."""
MAX_MIXED = 64 * 1024
"""The longest request with letters outside ASCII, in bytes: a single one makes a text four times as large."""
MAX_VALUE = 100
"""The longest text or number that an option may have, in characters."""

_EXPECTED = 'expected {"input": {"image": "…"}, "parameters": {…}}'


def parse(body: bytes | bytearray) -> tuple[str, dict[str, Any]]:
    """The image, as the request gives it, and the pipeline's call options.

    Raises:
        ConfigError: the body is not JSON, has more parts than a request needs, or not the right ones.
    """
    content = _load(body)
    if not isinstance(content, dict) or "input" not in content:
        raise ConfigError(f"The request has no input; {_EXPECTED}.")
    check_names(content, ("input", "parameters"), "The request")
    image, parameters = content["input"], content.get("parameters", {})
    if isinstance(image, dict):
        check_names(image, ("image",), "input")
        image = image.get("image")
    if not isinstance(image, str) or not isinstance(parameters, dict):
        raise ConfigError(f"The image must be a text and the parameters an object; {_EXPECTED}.")
    _check(parameters)
    return image, parameters


def _load(body: bytes | bytearray) -> Any:
    if sum(map(body.count, (b'"', b",", b":", b"[", b"{"))) > MAX_PARTS:
        raise ConfigError(f"The request is not JSON of the right form: it has over {MAX_PARTS} parts; {_EXPECTED}.")
    if len(body) > MAX_MIXED and not body.isascii():
        raise ConfigError(
            f"A request of over {MAX_MIXED // 1024} KiB must be JSON in ASCII, its image in base64; {_EXPECTED}."
        )
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The request is not JSON: {error}; {_EXPECTED}.") from None


def _check(parameters: Mapping[str, Any]) -> None:
    """Check the kind and the length of each option. Its meaning is checked where it is used."""
    check_names(parameters, PARAMETERS, "parameters")
    for name, value in parameters.items():
        if isinstance(value, list | dict) or len(str(value)) > MAX_VALUE:
            raise ConfigError(
                f"parameters: {name} must be a number, true, false or a text, of at most {MAX_VALUE} characters."
            )
