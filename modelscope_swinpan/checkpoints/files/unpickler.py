"""A pickle reader that executes nothing.

Python's own reader imports and calls whatever a file names. PyTorch's restricted reader lets three megabytes of nested
tuples overflow the processor's stack. This reader knows only the instructions that data needs (protocols 2 to 5). For
functions and classes it uses only the stand-ins that its caller passes. Objects of other classes, such as a training
run's settings, are skipped if the caller agrees: a :class:`Skipped` takes the place of each. It bounds time and memory:
the number of instructions is limited, long byte strings stay in the (mapped) file, and the bytes that calls may copy
are counted.
"""

import pickle
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
        for _ in range(MAX_INSTRUCTIONS):
            code = self._take(1)[0]
            if code == pickle.STOP[0]:
                return self.stack.pop()
            instruction = INSTRUCTIONS.get(code)
            if instruction is None:
                raise pickle.UnpicklingError(f"instruction {code:#04x} is unknown")
            instruction(self)
        raise pickle.UnpicklingError(f"more than {MAX_INSTRUCTIONS:,} instructions")

    def _take(self, count: int) -> memoryview:
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise EOFError("it ends early")
        return self.data[start : self.position]

    def _number(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _text(self, count: int, encoding: str = "utf-8") -> None:
        self._push(str(self._take(count), encoding, "surrogatepass"))

    def _byte_string(self, count: int) -> None:
        view = self._take(count)
        self._push(bytes(view) if count < LONG_BYTES else view)

    def _integer(self, count: int) -> None:
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _group(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            raise IndexError("too few values on the stack")
        self.stack[-count:] = [items]

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
        del self.stack[-count:]
        return items

    def _remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def _recall(self, index: int) -> None:
        value = self.memo[index]
        self._push(getattr(value, "built", value) if isinstance(value, Unbuilt) else value)

    def _named_in_text(self) -> None:
        """Push the stand-in for a name. The module and the name follow, each on a line."""
        lines = bytes(self.data[self.position : self.position + 2 * MAX_NAME]).split(b"\n", 2)
        if len(lines) < 3:
            raise pickle.UnpicklingError("a name without an end")
        self.position += len(lines[0]) + len(lines[1]) + 2
        self._named(lines[0].decode(), lines[1].decode())

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

    Others than these could take very long to hash or to compare. They stand in settings, and not in a state dict.
    """
    if type(value) not in KEYS or (type(value) is int and value.bit_length() > 64):
        return Skipped(f"a {type(value).__name__} as a key")
    return value


def checked_dict(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of pairs, with checked keys."""
    return {checked_key(name): value for name, value in items}


Instruction = Callable[[Unpickler], object]
_BY_CODE: dict[bytes, Instruction] = {
    pickle.PROTO: lambda u: u._take(1),
    pickle.FRAME: lambda u: u._take(8),
    pickle.MARK: Unpickler._mark,
    pickle.POP: lambda u: u.stack.pop(),
    pickle.POP_MARK: Unpickler._since_mark,
    pickle.NONE: lambda u: u._push(None),
    pickle.NEWTRUE: lambda u: u._push(True),
    pickle.NEWFALSE: lambda u: u._push(False),
    pickle.BININT: lambda u: u._push(u._number("<i")),
    pickle.BININT1: lambda u: u._push(u._number("<B")),
    pickle.BININT2: lambda u: u._push(u._number("<H")),
    pickle.LONG1: lambda u: u._integer(u._number("<B")),
    pickle.LONG4: lambda u: u._integer(u._number("<I")),
    pickle.BINFLOAT: lambda u: u._push(u._number(">d")),
    pickle.SHORT_BINSTRING: lambda u: u._text(u._number("<B"), "latin-1"),  # Python 2's str: text or bytes
    pickle.BINSTRING: lambda u: u._text(u._number("<I"), "latin-1"),
    pickle.SHORT_BINUNICODE: lambda u: u._text(u._number("<B")),
    pickle.BINUNICODE: lambda u: u._text(u._number("<I")),
    pickle.BINUNICODE8: lambda u: u._text(u._number("<Q")),
    pickle.SHORT_BINBYTES: lambda u: u._byte_string(u._number("<B")),
    pickle.BINBYTES: lambda u: u._byte_string(u._number("<I")),
    pickle.BINBYTES8: lambda u: u._byte_string(u._number("<Q")),
    pickle.BYTEARRAY8: lambda u: u._byte_string(u._number("<Q")),
    pickle.EMPTY_TUPLE: lambda u: u._push(()),
    pickle.EMPTY_LIST: lambda u: u._push([]),
    pickle.EMPTY_DICT: lambda u: u._push({}),
    pickle.EMPTY_SET: lambda u: u._push(set()),
    pickle.FROZENSET: lambda u: u._push(frozenset(map(checked_key, u._since_mark()))),
    pickle.TUPLE: lambda u: u._push(tuple(u._since_mark())),
    pickle.TUPLE1: lambda u: u._group(1),
    pickle.TUPLE2: lambda u: u._group(2),
    pickle.TUPLE3: lambda u: u._group(3),
    pickle.APPEND: lambda u: u._fill(list, u._last(1)),
    pickle.APPENDS: lambda u: u._fill(list, u._since_mark()),
    pickle.SETITEM: lambda u: u._fill(dict, u._last(2)),
    pickle.SETITEMS: lambda u: u._fill(dict, u._since_mark()),
    pickle.ADDITEMS: lambda u: u._fill(set, u._since_mark()),
    pickle.BINPUT: lambda u: u._remember(u._number("<B")),
    pickle.LONG_BINPUT: lambda u: u._remember(u._number("<I")),
    pickle.MEMOIZE: lambda u: u._remember(len(u.memo)),
    pickle.BINGET: lambda u: u._recall(u._number("<B")),
    pickle.LONG_BINGET: lambda u: u._recall(u._number("<I")),
    pickle.GLOBAL: Unpickler._named_in_text,
    pickle.STACK_GLOBAL: lambda u: u._named(*u._last(2)),
    pickle.REDUCE: Unpickler._call,
    pickle.NEWOBJ: Unpickler._call,
    pickle.BUILD: Unpickler._build,
    pickle.BINPERSID: Unpickler._outside,
}
INSTRUCTIONS = {code[0]: instruction for code, instruction in _BY_CODE.items()}
