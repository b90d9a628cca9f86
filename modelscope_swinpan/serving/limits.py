"""What a request may ask of the server: environment variables, as ``modelscope server`` takes no options of ours."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..files import unicode_forms


@dataclass(frozen=True, kw_only=True)
class Limits:
    """By default an image comes in the request or from the public internet, and has at most 32 MiB.

    Attributes:
        folder: Requests may name images in this folder by path.
        private_addresses: Images may also be fetched from this machine and its network.
        megabytes: The largest request, and the largest image that a request may name, in MiB.
        workers: How many images are segmented at a time, each in a process of its own; one in this process.
    """

    folder: Path | None = None
    private_addresses: bool = False
    megabytes: int = 32
    workers: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """Read ``SWINPAN_SERVE_FOLDER``, ``_PRIVATE_ADDRESSES``, ``_MEGABYTES`` and ``_WORKERS``.

        Raises:
            ConfigError: a variable has an unusable value.
        """
        given: dict[str, Any] = {}
        for option, (read, expected) in _VARIABLES.items():
            name = f"SWINPAN_SERVE_{option.upper()}"
            if text := environment.get(name):
                try:
                    given[option] = read(text)
                except (KeyError, OSError, ValueError):
                    raise ConfigError(f"{name} must be {expected}; got {text!r}.") from None
        return cls(**given)


def _folder(text: str) -> Path:
    folder = next(filter(Path.is_dir, map(Path, unicode_forms(text))), Path(text)).resolve(strict=True)
    if not folder.is_dir():
        raise NotADirectoryError
    return folder


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_VARIABLES: dict[str, tuple[Callable[[str], Any], str]] = {
    "folder": (_folder, "a folder that exists"),
    "private_addresses": ({"0": False, "1": True}.__getitem__, "0 or 1"),
    "megabytes": (_positive, "a whole number of at least 1"),
    "workers": (_positive, "a whole number of at least 1"),
}
"""How the variable of each limit is read, and what it must be."""
