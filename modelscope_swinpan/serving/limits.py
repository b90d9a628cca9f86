"""What a request may ask of the server: environment variables, as ``modelscope server`` takes no options of ours."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import ConfigError

T = TypeVar("T")


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

        def read(name: str, convert: Callable[[str], T], default: T, expected: str) -> T:
            text = environment.get(name, "")
            try:
                return convert(text) if text else default
            except (KeyError, OSError, ValueError):
                raise ConfigError(f"{name} must be {expected}; got {text!r}.") from None

        return cls(
            folder=read("SWINPAN_SERVE_FOLDER", _folder, cls.folder, "a folder that exists"),
            private_addresses=read(
                "SWINPAN_SERVE_PRIVATE_ADDRESSES", {"0": False, "1": True}.__getitem__, cls.private_addresses, "0 or 1"
            ),
            megabytes=read("SWINPAN_SERVE_MEGABYTES", _positive, cls.megabytes, "a whole number of at least 1"),
            workers=read("SWINPAN_SERVE_WORKERS", _positive, cls.workers, "a whole number of at least 1"),
        )


def _folder(text: str) -> Path:
    folder = Path(text).resolve(strict=True)
    if not folder.is_dir():
        raise NotADirectoryError
    return folder


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
