"""A pickle reader that executes nothing.

Python's own reader imports and calls whatever a file names. PyTorch's restricted reader lets three megabytes of nested
tuples overflow the processor's stack. This reader knows only the instructions that data needs (protocols 2 to 5). For
functions and classes it uses only the stand-ins that its caller passes. It bounds time and memory: the number of
instructions is limited, long byte strings stay in the (mapped) file, and the bytes that calls may copy are counted.
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
KEYS = (str, int, bool, bytes, type(None))


class ForbiddenError(Exception):
    """The file asks for something that plain data does not need."""


@dataclass(frozen=True)
class Maker:
    """The stand-in for a function or class that a file may call."""

    make: Callable[..., Any]


class Unbuilt:
    """What a :class:`Maker` returns for an object whose state follows later. ``built`` then takes its place."""

    built: Any

    def build(self, state: Any) -> Any:
        """The value for a state."""
        raise NotImplementedError


class Unpickler:
    """Reads pickles, one after another, from ``data``.

    Args:
        data: the bytes of the file.
        known: the stand-ins by full name: a :class:`Maker`, or a value that only serves as an argument.
        stored: resolves references to data outside the pickle, which PyTorch's files hold.
        position: where the next pickle begins.
    """

    def __init__(
        self, data: memoryview, known: Mapping[str, Any], stored: Callable[[Any], Any] | None = None, position: int = 0
    ) -> None:
        self.data = data
        self.known = known
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
            code = self.take(1)[0]
            if code == pickle.STOP[0]:
                return self.stack.pop()
            instruction = INSTRUCTIONS.get(code)
            if instruction is None:
                raise pickle.UnpicklingError(f"instruction {code:#04x} is unknown")
            instruction(self)
        raise pickle.UnpicklingError(f"more than {MAX_INSTRUCTIONS:,} instructions")

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes, in place."""
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise EOFError("it ends early")
        return self.data[start : self.position]

    def number(self, layout: str) -> Any:
        """The next number, in a format of ``struct``."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def text(self, count: int, encoding: str = "utf-8") -> None:
        """Push a string of ``count`` bytes."""
        self.push(str(self.take(count), encoding, "surrogatepass"))

    def byte_string(self, count: int) -> None:
        """Push bytes, or a view of the file if they are many."""
        view = self.take(count)
        self.push(bytes(view) if count < LONG_BYTES else view)

    def integer(self, count: int) -> None:
        """Push a signed integer of ``count`` bytes."""
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def mark(self) -> None:
        """Begin a group."""
        self.marks.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        """Take everything since the last mark off the stack."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def group(self, count: int) -> None:
        """Push the last ``count`` values as a tuple."""
        items = tuple(self.stack[-count:])
        if len(items) < count:
            raise IndexError("too few values on the stack")
        self.stack[-count:] = [items]

    def fill(self, kind: type, items: list[Any]) -> None:
        """Add to the list, dict or set on top; a dict's keys and values come in turn."""
        if type(self.stack[-1]) is not kind:
            raise ForbiddenError(f"filling a {type(self.stack[-1]).__name__} as if it were a {kind.__name__}")
        target: Any = self.stack[-1]
        if kind is list:
            target.extend(items)
        elif kind is set:
            target.update(map(checked_key, items))
        else:
            target.update(checked_dict(zip(items[::2], items[1::2], strict=True)))

    def last(self, count: int) -> list[Any]:
        """Take the last ``count`` values off the stack."""
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def remember(self, index: int) -> None:
        """Remember the value on top."""
        self.memo[index] = self.stack[-1]

    def recall(self, index: int) -> None:
        """Push a remembered value."""
        value = self.memo[index]
        self.push(getattr(value, "built", value) if isinstance(value, Unbuilt) else value)

    def named_in_text(self) -> None:
        """Push the stand-in for a name. The module and the name follow, each on a line."""
        lines = bytes(self.data[self.position : self.position + 2 * MAX_NAME]).split(b"\n", 2)
        if len(lines) < 3:
            raise pickle.UnpicklingError("a name without an end")
        self.position += len(lines[0]) + len(lines[1]) + 2
        self.named(lines[0].decode(), lines[1].decode())

    def named(self, module: Any, name: Any) -> None:
        """Push the stand-in for a name in a module."""
        path = f"{module}.{name}" if type(module) is str and type(name) is str else "no name"
        if path not in self.known:
            raise ForbiddenError(path[:MAX_NAME])
        self.push(self.known[path])

    def call(self) -> None:
        """Call the stand-in below its arguments."""
        maker, arguments = self.last(2)
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise ForbiddenError("calling what is no function")
        self.spend(arguments)
        self.push(maker.make(*arguments))

    def build(self) -> None:
        """Give the object on top its state. A dict's state is dropped: PyTorch keeps versions of modules there."""
        target, state = self.last(2)
        if type(target) is not dict:
            if not isinstance(target, Unbuilt) or hasattr(target, "built"):
                raise ForbiddenError(f"setting the state of a {type(target).__name__}")
            self.spend(state)
            target.built = target.build(state)
            target = target.built
        self.push(target)

    def spend(self, arguments: Any) -> None:
        """Count what a call may copy, so that no file can make us copy one megabyte a thousand times."""
        items = arguments if type(arguments) is tuple else (arguments,)
        self.allowance -= sum(len(item) for item in items if isinstance(item, SIZED))
        if self.allowance < 0:
            raise pickle.UnpicklingError("calls copy more than the file holds")

    def outside(self) -> None:
        """Replace the reference on top by the outside data."""
        if self.stored is None:
            raise ForbiddenError("outside data")
        self.push(self.stored(self.stack.pop()))


def checked_key(value: Any) -> Any:
    """Return ``value`` if it may be a dict's key or a set's element. Others could take very long to hash or compare."""
    if type(value) not in KEYS or (type(value) is int and value.bit_length() > 64):
        raise pickle.UnpicklingError(f"a {type(value).__name__} as a key")
    return value


def checked_dict(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of pairs, with checked keys."""
    return {checked_key(name): value for name, value in items}


Instruction = Callable[[Unpickler], object]
_BY_CODE: dict[bytes, Instruction] = {
    pickle.PROTO: lambda u: u.take(1),
    pickle.FRAME: lambda u: u.take(8),
    pickle.MARK: Unpickler.mark,
    pickle.POP: lambda u: u.stack.pop(),
    pickle.POP_MARK: Unpickler.since_mark,
    pickle.NONE: lambda u: u.push(None),
    pickle.NEWTRUE: lambda u: u.push(True),
    pickle.NEWFALSE: lambda u: u.push(False),
    pickle.BININT: lambda u: u.push(u.number("<i")),
    pickle.BININT1: lambda u: u.push(u.number("<B")),
    pickle.BININT2: lambda u: u.push(u.number("<H")),
    pickle.LONG1: lambda u: u.integer(u.number("<B")),
    pickle.LONG4: lambda u: u.integer(u.number("<I")),
    pickle.BINFLOAT: lambda u: u.push(u.number(">d")),
    pickle.SHORT_BINSTRING: lambda u: u.text(u.number("<B"), "latin-1"),  # Python 2's str: text or bytes
    pickle.BINSTRING: lambda u: u.text(u.number("<I"), "latin-1"),
    pickle.SHORT_BINUNICODE: lambda u: u.text(u.number("<B")),
    pickle.BINUNICODE: lambda u: u.text(u.number("<I")),
    pickle.BINUNICODE8: lambda u: u.text(u.number("<Q")),
    pickle.SHORT_BINBYTES: lambda u: u.byte_string(u.number("<B")),
    pickle.BINBYTES: lambda u: u.byte_string(u.number("<I")),
    pickle.BINBYTES8: lambda u: u.byte_string(u.number("<Q")),
    pickle.BYTEARRAY8: lambda u: u.byte_string(u.number("<Q")),
    pickle.EMPTY_TUPLE: lambda u: u.push(()),
    pickle.EMPTY_LIST: lambda u: u.push([]),
    pickle.EMPTY_DICT: lambda u: u.push({}),
    pickle.EMPTY_SET: lambda u: u.push(set()),
    pickle.FROZENSET: lambda u: u.push(frozenset(map(checked_key, u.since_mark()))),
    pickle.TUPLE: lambda u: u.push(tuple(u.since_mark())),
    pickle.TUPLE1: lambda u: u.group(1),
    pickle.TUPLE2: lambda u: u.group(2),
    pickle.TUPLE3: lambda u: u.group(3),
    pickle.APPEND: lambda u: u.fill(list, u.last(1)),
    pickle.APPENDS: lambda u: u.fill(list, u.since_mark()),
    pickle.SETITEM: lambda u: u.fill(dict, u.last(2)),
    pickle.SETITEMS: lambda u: u.fill(dict, u.since_mark()),
    pickle.ADDITEMS: lambda u: u.fill(set, u.since_mark()),
    pickle.BINPUT: lambda u: u.remember(u.number("<B")),
    pickle.LONG_BINPUT: lambda u: u.remember(u.number("<I")),
    pickle.MEMOIZE: lambda u: u.remember(len(u.memo)),
    pickle.BINGET: lambda u: u.recall(u.number("<B")),
    pickle.LONG_BINGET: lambda u: u.recall(u.number("<I")),
    pickle.GLOBAL: Unpickler.named_in_text,
    pickle.STACK_GLOBAL: lambda u: u.named(*u.last(2)),
    pickle.REDUCE: Unpickler.call,
    pickle.NEWOBJ: Unpickler.call,
    pickle.BUILD: Unpickler.build,
    pickle.BINPERSID: Unpickler.outside,
}
INSTRUCTIONS = {code[0]: instruction for code, instruction in _BY_CODE.items()}
