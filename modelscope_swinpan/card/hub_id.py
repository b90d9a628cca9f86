"""The id of a model on the hub. Imports nothing heavy."""

import re

from ..errors import ConfigError

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
"""OWNER/NAME."""


def check_hub_id(name: str) -> None:
    """Raise a ConfigError unless ``name`` is a hub id."""
    if not HUB_ID.fullmatch(name):
        raise ConfigError(
            f"A model's name on the hub is OWNER/NAME, of letters, digits, '-', '_' and '.'; got {name!r}."
        )
