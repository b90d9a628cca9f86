"""Registries: named entries that other code may add to."""

from typing import Protocol, TypeVar

from .errors import ConfigError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The key in the registry."""


Entry = TypeVar("Entry", bound=Named)


class Registry(dict[str, Entry]):
    """Entries by name, in the order in which they were registered. ``del registry[name]`` removes one."""

    def register(self, entry: Entry) -> Entry:
        """Add an entry, and return it; a ConfigError if its name is taken."""
        if entry.name in self:
            raise ConfigError(f"{entry.name!r} is registered already.")
        self[entry.name] = entry
        return entry
