"""Named entries that other code may add to: backbones, checkpoint dialects, …"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from .errors import ConfigError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What the entry is registered under."""


Entry = TypeVar("Entry", bound=Named)


class Registry(Generic[Entry]):
    """Entries by name. Iterating gives them in the order in which they were registered."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def register(self, entry: Entry) -> Entry:
        """Add an entry, and return it.

        Raises:
            ConfigError: its name is taken.
        """
        if entry.name in self._entries:
            raise ConfigError(f"There is a {self._kind} named {entry.name!r} already; unregister it first.")
        self._entries[entry.name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Remove the entry of that name, if there is one."""
        self._entries.pop(name, None)
