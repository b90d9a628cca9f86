"""The one place that turns what JSON files and dataset rows hold into our types.

What has one meaning is read: integral floats and decimal digits as integers, booleans as flags, NumPy's and PyTorch's
scalars and arrays, null as absent, and lists as tables write them (a dict of lists, JSON text). What has none, or
several, is an error that names the file and the field.
"""

import json
import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import DatasetError

SHOWN = 80  # characters of a wrong value that an error shows
T = TypeVar("T")


def plain(value: Any) -> Any:
    """NumPy's and PyTorch's scalars and arrays as Python's numbers and lists; others as they are."""
    return value.tolist() if hasattr(value, "tolist") else value


def whole(value: Any) -> int | None:
    """A whole number, however it is written; None for anything else, also for a boolean."""
    value = plain(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,20}", value.strip(), re.ASCII):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def records(value: Any) -> list[Any] | None:
    """The items of a list, however it is written; None for anything else."""
    value = plain(_parsed(value))
    if not isinstance(value, Mapping):
        return list(value) if isinstance(value, list | tuple) else None
    columns = {key: plain(column) for key, column in value.items() if column is not None}
    if columns and all(isinstance(column, Mapping) for column in columns.values()):
        return [{"id": key, **info} for key, info in columns.items()]
    lists = all(isinstance(column, list | tuple) for column in columns.values())
    if not columns or not lists or len({len(column) for column in columns.values()}) != 1:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _parsed(value: Any) -> Any:
    """What a JSON text says; others as they are."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


_READERS: dict[type, Any] = {
    int: whole,
    str: lambda value: str(value) if isinstance(value, str) else None,
    list: records,
}


@dataclass(frozen=True)
class Node:
    """A value in a JSON file or a row, and its place there for error messages, such as ``panoptic.json.images[3]``."""

    value: Any
    where: str

    def get(self, name: str) -> Any:
        """The field ``name`` of this object as it is; None where it is absent or null.

        Raises:
            DatasetError: this is no object.
        """
        value = self.value if isinstance(self.value, Mapping) else _parsed(self.value)
        if not isinstance(value, Mapping):
            raise DatasetError(f"{self.where} must be an object; got {type(self.value).__name__}.")
        return value.get(name)

    def at(self, name: str) -> "Node":
        """The field ``name`` of this object as it is, and its place. Raises as :meth:`get`."""
        return Node(self.get(name), f"{self.where}.{name}")

    def field(self, name: str, kind: type[T], default: T | None = None) -> T:
        """The field ``name`` of this object as an ``int``, ``str`` or ``list``.

        Raises:
            DatasetError: the field has another meaning, or is absent and has no ``default``; or this is no object.
        """
        value = self.get(name)
        if type(value) is kind:
            return value
        if value is None and default is not None:
            return default
        found: T | None = None if value is None else _READERS[kind](value)
        if found is None:
            raise self.wrong(name, f"be {kind.__name__}")
        return found

    def each(self, name: str) -> "Iterator[Node]":
        """The items of the field ``name``, which must be a list."""
        for index, item in enumerate(self.field(name, list)):
            yield Node(item, f"{self.where}.{name}[{index}]")

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """The field ``name``, which must be a whole number from ``low`` to ``high``.

        Raises:
            DatasetError: the field is missing, has another meaning or is out of range.
        """
        value = self.field(name, int, default)
        if not low <= value <= high:
            raise DatasetError(f"{self.where}.{name} must lie between {low} and {high}; got {str(value)[:SHOWN]}.")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """The field ``name``, which must be a finite number. Raises as :meth:`field`."""
        value = self.get(name)
        if value is None and default is not None:
            return default
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            raise self.wrong(name, "be a number")
        return found

    def flag(self, name: str, default: bool | None = None) -> bool:
        """The field ``name``, which must be true or false, or 1 or 0. Raises as :meth:`integer`."""
        value = plain(self.get(name))
        return value if isinstance(value, bool) else bool(self.integer(name, 0, 1, default))

    def key(self, name: str) -> str:
        """The field ``name``, an id that only matches things to one another: a whole number or a text.

        Raises:
            DatasetError: the field is missing or neither.
        """
        value = self.get(name)
        number = None if isinstance(value, str) else whole(value)
        if number is None and not isinstance(value, str):
            raise self.wrong(name, "be int or str")
        return str(value if number is None else number)

    def wrong(self, name: str, expected: str) -> DatasetError:
        """The error for a field that is not what it must be."""
        value = self.get(name)
        shown = value if isinstance(value, str) else reprlib.repr(value)  # which does not write out a million items
        found = "nothing" if value is None else f"{shown[:SHOWN]!r} ({type(value).__name__})"
        return DatasetError(f"{self.where}.{name} must {expected}; got {found}.")
