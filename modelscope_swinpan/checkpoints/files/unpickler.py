"""A pickle reader that executes nothing.

Python's own reader imports and calls whatever a file names. PyTorch's restricted reader lets three megabytes of nested
tuples overflow the processor's stack. This reader has ``pickletools`` take the file apart, and follows only the
instructions that data needs (protocols 2 to 5). For functions and classes it uses only the stand-ins that its caller
passes. Objects of other classes, such as a training run's settings, are skipped if the caller agrees: a
:class:`Skipped` takes the place of each. It bounds time and memory: the number of instructions is limited, long byte
strings stay in the (mapped) file, and the bytes that calls may copy are counted.
"""

import pickle
import pickletools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

MAX_INSTRUCTIONS = 500_000
"""A full-size checkpoint has 20,000; with an optimizer's state and a training history about 100,000."""

MAX_NAME = 256
LONG_BYTES = 4096
"""Byte strings of this length and more are views of the file, not copies."""

SIZED = (str, bytes, memoryview, list, tuple, dict, set, frozenset)


class ForbiddenError(Exception):
    """The file asks for something that plain data does not need."""


@dataclass(frozen=True, eq=False)
class Skipped:
    """In place of a function, a class or an object that is neither looked up nor built. ``name`` is its full name."""

    name: str


@dataclass(frozen=True)
class Maker:
    """The stand-in for a function or class that a file may call."""

    make: Callable[..., Any]


KEYS = (str, int, bool, bytes, type(None), Skipped)


class Unbuilt:
    """What a :class:`Maker` returns for an object whose state follows later: ``build`` makes ``built`` from it."""

    built: Any

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.build = build


class Unpickler:
    """Reads pickles, one after another, from ``data``.

    Args:
        data: the bytes of the file.
        known: the stand-ins by full name: a :class:`Maker`, or a value that only serves as an argument.
        skips: tells whether what has a full name that is not ``known`` is skipped. By default it is forbidden.
        stored: resolves references to data outside the pickle, which PyTorch's files hold.
        position: where the next pickle begins.
    """

    def __init__(
        self,
        data: memoryview,
        known: Mapping[str, Any],
        stored: Callable[[Any], Any] | None = None,
        position: int = 0,
        *,
        skips: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.data = data
        self.known = known
        self.skips = skips
        self.stored = stored
        self.position = position
        self.allowance = 4 * len(data) + 2**20

    def load(self) -> Any:
        """The next object.

        Raises:
            ForbiddenError: it wants to call or build something unknown.
            Exception: it is damaged. Any kind is possible.
        """
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        for opcode, value, _ in islice(pickletools.genops(self), MAX_INSTRUCTIONS):  # type: ignore[arg-type]
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name.startswith(VALUES):
                self._push(self._in_place(value) if isinstance(value, bytes | bytearray) else value)
            elif opcode.name in INSTRUCTIONS:
                INSTRUCTIONS[opcode.name](self, value)
            else:
                raise pickle.UnpicklingError(f"instruction {opcode.name} is unknown here")
        raise pickle.UnpicklingError(f"more than {MAX_INSTRUCTIONS:,} instructions")

    def read(self, count: int) -> bytes:
        """The next bytes, for ``pickletools``."""
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise EOFError("it ends early")
        return bytes(self.data[start : self.position])

    def readline(self) -> bytes:
        """The next line, for ``pickletools``. It is part of a name, and is taken for ASCII with escapes."""
        line, newline, _ = bytes(self.data[self.position : self.position + MAX_NAME]).partition(b"\n")
        self.position += len(line + newline)
        return line.decode().encode("ascii", "replace").replace(b"\\", b"?") + newline

    def _in_place(self, value: bytes | bytearray) -> bytes | memoryview:
        """Long byte strings that were just read, as a view of the file."""
        short = len(value) < LONG_BYTES
        return bytes(value) if short else self.data[self.position - len(value) : self.position]

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _fill(self, kind: type, items: list[Any]) -> None:
        """Add to the list, dict or set on top; a dict's keys and values come in turn."""
        if isinstance(self.stack[-1], Skipped):
            return
        if type(self.stack[-1]) is not kind:
            raise ForbiddenError(f"filling a {type(self.stack[-1]).__name__} as if it were a {kind.__name__}")
        target: Any = self.stack[-1]
        if kind is list:
            target.extend(items)
        elif kind is set:
            target.update(map(checked_key, items))
        else:
            target.update(checked_dict(zip(items[::2], items[1::2], strict=True)))

    def _last(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) < count:
            raise IndexError("too few values on the stack")
        del self.stack[-count:]
        return items

    def _remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def _recall(self, index: int) -> None:
        value = self.memo[index]
        self._push(getattr(value, "built", value) if isinstance(value, Unbuilt) else value)

    def _named(self, module: Any, name: Any) -> None:
        path = f"{module}.{name}" if type(module) is str and type(name) is str else "no name"
        if path in self.known:
            self._push(self.known[path])
        elif len(path) <= MAX_NAME and self.skips(path):
            self._push(Skipped(path))
        else:
            raise ForbiddenError(path[:MAX_NAME])

    def _call(self) -> None:
        maker, arguments = self._last(2)
        if isinstance(maker, Skipped):
            self._push(Skipped(maker.name))
            return
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise ForbiddenError("calling what is no function")
        self._spend(arguments)
        self._push(maker.make(*arguments))

    def _build(self) -> None:
        """Give the object on top its state. A dict's state is dropped: PyTorch keeps versions of modules there."""
        target, state = self._last(2)
        if type(target) not in (dict, Skipped):
            if not isinstance(target, Unbuilt) or hasattr(target, "built"):
                raise ForbiddenError(f"setting the state of a {type(target).__name__}")
            self._spend(state)
            target.built = target.build(state)
            target = target.built
        self._push(target)

    def _spend(self, arguments: Any) -> None:
        """Count what a call may copy, so that no file can make us copy one megabyte a thousand times."""
        items = arguments if type(arguments) is tuple else (arguments,)
        self.allowance -= sum(len(item) for item in items if isinstance(item, SIZED))
        if self.allowance < 0:
            raise pickle.UnpicklingError("calls copy more than the file holds")

    def _outside(self) -> None:
        if self.stored is None:
            raise ForbiddenError("outside data")
        self._push(self.stored(self.stack.pop()))


def checked_key(value: Any) -> Any:
    """``value`` if it may be a dict's key or a set's element, or else something in its place.

    Other types could take very long to hash or to compare. They occur in settings, never in a state dict.
    """
    if type(value) not in KEYS or (type(value) is int and value.bit_length() > 64):
        return Skipped(f"a {type(value).__name__} as a key")
    return value


def checked_dict(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of pairs, with checked keys."""
    return {checked_key(name): value for name, value in items}


VALUES = ("BININT", "LONG1", "LONG4", "BINFLOAT", "SHORT_BIN", "BINSTRING", "BINUNICODE", "BINBYTES", "BYTEARRAY8")
"""How the names of the instructions begin that push the value after them."""

INSTRUCTIONS: Mapping[str, Callable[[Unpickler, Any], object]] = {
    "PROTO": lambda u, _: None,
    "FRAME": lambda u, _: None,
    "MARK": lambda u, _: u._mark(),
    "POP": lambda u, _: u.stack.pop(),
    "POP_MARK": lambda u, _: u._since_mark(),
    "NONE": lambda u, _: u._push(None),
    "NEWTRUE": lambda u, _: u._push(True),
    "NEWFALSE": lambda u, _: u._push(False),
    "EMPTY_TUPLE": lambda u, _: u._push(()),
    "EMPTY_LIST": lambda u, _: u._push([]),
    "EMPTY_DICT": lambda u, _: u._push({}),
    "EMPTY_SET": lambda u, _: u._push(set()),
    "FROZENSET": lambda u, _: u._push(frozenset(map(checked_key, u._since_mark()))),
    "TUPLE": lambda u, _: u._push(tuple(u._since_mark())),
    "TUPLE1": lambda u, _: u._push(tuple(u._last(1))),
    "TUPLE2": lambda u, _: u._push(tuple(u._last(2))),
    "TUPLE3": lambda u, _: u._push(tuple(u._last(3))),
    "APPEND": lambda u, _: u._fill(list, u._last(1)),
    "APPENDS": lambda u, _: u._fill(list, u._since_mark()),
    "SETITEM": lambda u, _: u._fill(dict, u._last(2)),
    "SETITEMS": lambda u, _: u._fill(dict, u._since_mark()),
    "ADDITEMS": lambda u, _: u._fill(set, u._since_mark()),
    "BINPUT": Unpickler._remember,
    "LONG_BINPUT": Unpickler._remember,
    "MEMOIZE": lambda u, _: u._remember(len(u.memo)),
    "BINGET": Unpickler._recall,
    "LONG_BINGET": Unpickler._recall,
    "GLOBAL": lambda u, names: u._named(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda u, _: u._named(*u._last(2)),
    "REDUCE": lambda u, _: u._call(),
    "NEWOBJ": lambda u, _: u._call(),
    "BUILD": lambda u, _: u._build(),
    "BINPERSID": lambda u, _: u._outside(),
}
