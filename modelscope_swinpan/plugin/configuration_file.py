"""ModelScope reads no pipe and no device as a configuration: the one may never answer, the other never end.

Whoever made a model directory chooses what ``configuration.json`` is in it. ModelScope copies it before it reads it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..files import is_endless
from .compat import CONFIG_FROM_FILE


def _from_file(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    name = arguments[0] if arguments else options.get("filename")
    if isinstance(name, str | os.PathLike) and is_endless(Path(name).expanduser()):
        raise ConfigError(f"Cannot read {os.fspath(name)}: it is no file.")
    return wrapped(*arguments, **options)


CONFIG_FROM_FILE.wrap(_from_file)
