"""The id of a model on the hub. Imports nothing heavy."""

import re
from pathlib import Path
from typing import Any

from ..errors import ConfigError

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
"""OWNER/NAME."""


def is_hub_id(model: Any) -> bool:
    """Whether ``model`` has the form of a hub id and names nothing on this disk."""
    return isinstance(model, str | Path) and bool(HUB_ID.fullmatch(str(model))) and not Path(model).exists()


def check_hub_id(name: str) -> None:
    """Raise a ConfigError unless ``name`` is a hub id."""
    if not HUB_ID.fullmatch(name):
        raise ConfigError(
            f"A model's name on the hub is OWNER/NAME, of letters, digits, '-', '_' and '.'; got {name!r}."
        )
