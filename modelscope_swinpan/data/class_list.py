"""Lists of classes as people keep them: one name per line, or a colour map."""

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from .files import read_lines

Color = tuple[int, int, int]
VOID_NAMES = frozenset({"", "-", "void", "ignore", "ignored", "__ignore__", "_background_", "unlabeled", "unlabelled"})
"""Names, in lower case, of what is no class: such pixels are void."""
_LONGEST = 1000  # characters of a line
_HEX = re.compile(r"#([0-9a-f]{6})", re.IGNORECASE)
_WORD = re.compile(r"[^\s,;:]+")
_CHANNEL = re.compile(r"\d{1,3}")
_NUMBERED = re.compile(r"(\d{1,9})[\s,;:]+(.+)", re.ASCII)


@dataclass(frozen=True)
class ListedClass:
    """A line of a list of classes: its place from 0, the name, and the colour of a colour map."""

    value: int
    name: str
    color: Color | None = None

    @property
    def is_void(self) -> bool:
        """Whether it is no class."""
        return self.name.lower() in VOID_NAMES

    def number(self, *, colored: bool) -> int:
        """Its number in a label picture: the value or, in a ``colored`` one, the colour as R + 256 · G + 256² · B."""
        if not colored or self.color is None:
            return self.value
        red, green, blue = self.color
        return red | green << 8 | blue << 16


def read_classes(path: Path) -> tuple[ListedClass, ...]:
    """Read a list of classes: one line per class, from value 0.

    A line is a name, or a colour map's ``name r g b``, ``r g b name`` or ``name #rrggbb``, separated by spaces, commas,
    semicolons or colons. Lines that begin with ``#`` are comments. An empty line, ``-`` or a name such as ``void``
    stands for a value that is no class. All names may begin with their values, as in ``0 road``.

    Raises:
        ConfigError: the file cannot be read, some lines have a colour and others none, a name or a colour occurs
            twice, or all names begin with numbers that are not their values.
    """
    lines = [line.strip() for line in read_lines(path, "a list of classes, one name per line", ConfigError)]
    while lines and not lines[-1]:
        lines.pop()
    found: list[ListedClass] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("#") and not _HEX.match(line):
            continue
        if len(line) > _LONGEST:
            raise ConfigError(f"{path}:{number}: over {_LONGEST} characters, expected the name of a class.")
        name, color = _read_line(line, f"{path}:{number}")
        found.append(ListedClass(len(found), name, color))
    found = _without_numbers(path, found)
    _check(path, found)
    return tuple(found)


def named_in(names: str) -> tuple[str, ...]:
    """The names in a text, separated by commas."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _read_line(line: str, where: str) -> tuple[str, Color | None]:
    if match := _HEX.search(line):
        red, green, blue = bytes.fromhex(match[1])
        return (line[: match.start()] + line[match.end() :]).strip(" \t,;:"), (red, green, blue)
    words = list(_WORD.finditer(line))
    if len(words) < 4:
        return line, None
    places = (*range(1, len(words) - 2), 0)
    place = next((at for at in places if all(_CHANNEL.fullmatch(word[0]) for word in words[at : at + 3])), None)
    if place is None:
        return line, None
    red, green, blue = (int(word[0]) for word in words[place : place + 3])
    name = line[: words[place - 1].end()] if place else line[words[3].start() :]
    if max(red, green, blue) > 255:
        raise ConfigError(f"{where}: a colour must have red, green and blue from 0 to 255; got {line[:80]!r}.")
    return name.strip(), (red, green, blue)


def _without_numbers(path: Path, found: Sequence[ListedClass]) -> list[ListedClass]:
    """The list without the numbers that all names begin with, where each is its line's value."""
    kept = [(one, match) for one in found if (match := _NUMBERED.fullmatch(one.name))]
    if len(kept) < max(len(found), 2):
        return list(found)
    if wrong := [one for one, match in kept if int(match[1]) != one.value]:
        raise ConfigError(
            f"{path}: all names begin with a number, but {wrong[0].name[:80]!r} has the value {wrong[0].value}, as "
            "lines are counted from 0. Leave the numbers out. An empty line stands for a value without a class."
        )
    return [dataclasses.replace(one, name=match[2]) for one, match in kept]


def _check(path: Path, found: Sequence[ListedClass]) -> None:
    named = [one for one in found if not one.is_void]
    if not named:
        raise ConfigError(f"{path}: names no class, expected one name per line.")
    if len({one.color is None for one in named}) == 2:
        plain = next(one for one in named if one.color is None)
        raise ConfigError(f"{path}: some lines have a colour, but {plain.name[:80]!r} has none.")
    for kind, values in (("name", [one.name for one in named]), ("colour", [one.color for one in named if one.color])):
        value, times = Counter(values).most_common(1)[0] if values else ("", 0)
        if times > 1:
            raise ConfigError(f"{path}: the {kind} {str(value)[:80]!r} occurs twice.")
