"""What pickled checkpoints may hold besides plain containers.

Every name in a file is answered by a stand-in from here. Nothing that a file names is ever looked up.
"""

import sys
from _compat_pickle import IMPORT_MAPPING
from collections.abc import Iterable, Mapping
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .mapped import sizes, tensor, view
from .unpickler import ForbiddenError, Maker, Skipped, Unbuilt, checked_dict, checked_key

ARRAY_DTYPES = {
    code: torch.from_numpy(np.empty(0, code)).dtype
    for code in ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}
"""By numpy's name in pickles. Objects, strings and records are left out on purpose."""

PLAIN_TYPES = ("bool", "complex", "dict", "float", "int", "list", "long", "object", "str", "tuple", "type")
SKIPPED = {
    "argparse.Namespace",
    "collections.defaultdict",
    "collections.deque",
    "decimal.Decimal",
    "fractions.Fraction",
    "functools.partial",
    "types.SimpleNamespace",
    "uuid.UUID",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in PLAIN_TYPES),
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    *(
        f"{module}.{flavour}{system}Path"
        for module in ("pathlib", "pathlib._local")
        for flavour in ("", "Pure")
        for system in ("", "Posix", "Windows")
    ),
}
"""What is skipped of the standard library: the data that training code leaves beside the weights."""

SKIPPED_BEGINNINGS = ("torch.nn.", "torch.optim.", "typing.")
GUARDED = {*sys.stdlib_module_names, *IMPORT_MAPPING, "numpy", "torch"}
"""Packages with functions that attacks are made of. A file that names any other part of them is refused."""


def skips(name: str) -> bool:
    """Whether what a file names is skipped. The other names that are not :data:`KNOWN` mark the file as an attack.

    Nothing is looked up or built in either case. Refusing a file that names ``os.system`` protects those who give it to
    another program later.
    """
    return name in SKIPPED or name.startswith(SKIPPED_BEGINNINGS) or name.partition(".")[0] not in GUARDED


def _numpy_dtype(name: Any, *_: Any) -> Unbuilt:
    """The torch dtype of a numpy dtype, once its state gives the byte order: little-endian, or single bytes."""
    code = name.lstrip("<|=") if type(name) is str else "no name"
    if code not in ARRAY_DTYPES:
        raise ForbiddenError(f"numpy arrays of dtype {code[:40]!r}")

    def build(state: Any) -> torch.dtype:
        if type(state[1]) is not str or state[1] not in "<|=":
            raise ValueError("a numpy array of another byte order")
        return ARRAY_DTYPES[code]

    return Unbuilt(build)


def _empty_array(*_: Any) -> Unbuilt:
    def build(state: Any) -> Tensor:
        _, shape, dtype, fortran, raw = state
        return _array(raw, dtype, shape, "F" if fortran else "C")

    return Unbuilt(build)


def _array(raw: Any, dtype: Any, shape: Any, order: Any) -> Tensor:
    """A numpy array. ``order`` "F" means that the first axis varies fastest."""
    content = raw.encode("latin-1") if type(raw) is str else raw
    if type(dtype) is not torch.dtype or not isinstance(content, bytes | memoryview):
        raise ValueError("a numpy array without numbers")
    axes = sizes(shape) if order == "F" else sizes(shape)[::-1]
    stride = tuple(accumulate(axes, mul, initial=1))[: len(axes)]
    return view(tensor(content, dtype), 0, shape, stride if order == "F" else stride[::-1])


def _scalar(dtype: Any, raw: Any) -> Any:
    return _array(raw, dtype, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes, from the text that pickles of protocol 2 hold for them."""
    if type(text) is not str or encoding != "latin1":
        raise ForbiddenError("_codecs.encode of anything but bytes")
    return text.encode("latin-1")


def _member(owner: Any, name: Any) -> Skipped:
    """A part of what is skipped: so Python 3.11 pickles enumerations, mmengine tables of methods, and typing unions."""
    if not isinstance(owner, Skipped):
        raise ForbiddenError("a member of what is not skipped")
    return owner


def _pairs(items: Iterable[tuple[Any, Any]] | Mapping[Any, Any] = ()) -> dict[Any, Any]:
    return checked_dict(items.items() if isinstance(items, Mapping) else items)


def _elements(items: Iterable[Any] = ()) -> set[Any]:
    return set(map(checked_key, items))


_NUMPY = {
    "multiarray._reconstruct": Maker(_empty_array),
    "multiarray.scalar": Maker(_scalar),
    "numeric._frombuffer": Maker(_array),
}
KNOWN: dict[str, Any] = {
    "collections.OrderedDict": Maker(_pairs),
    "collections.Counter": Maker(_pairs),
    "builtins.set": Maker(_elements),
    "__builtin__.set": Maker(_elements),
    "__builtin__.bytes": Maker(lambda: b""),  # empty ones, in protocol 2
    "_codecs.encode": Maker(_encode),
    "numpy.dtype": Maker(_numpy_dtype),
    "numpy.ndarray": "numpy.ndarray",
    **{f"numpy.{core}.{name}": maker for core in ("core", "_core") for name, maker in _NUMPY.items()},
    "builtins.getattr": Maker(_member),
    "__builtin__.getattr": Maker(_member),
    "_operator.getitem": Maker(_member),
}
"""The names that a file may use, and the stand-in for each."""
