"""A bounded cache of tensors that depend on shapes alone."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import torch

from . import dispatch

P = ParamSpec("P")
T = TypeVar("T")
ENTRIES = 128
_lent: ContextVar[list[object] | None] = ContextVar("lent", default=None)


def shape_cache(function: Callable[P, T]) -> Callable[P, T]:
    """Cache the last :data:`ENTRIES` results of ``function``. Its arguments are hashable; nobody changes its tensors.

    Results are made outside inference mode even when a prediction asks first, so that training can use them too. Where
    ``function`` names no device it has the CPU, whatever ``torch.set_default_device`` says. A trace calls ``function``
    itself and leaves nothing in the cache: its tensors have no values.
    """

    @lru_cache(maxsize=ENTRIES)
    def remembered(*args: Hashable) -> T:
        with torch.inference_mode(False), torch.device("cpu"):
            return cast(Callable[..., T], function)(*args)

    @wraps(function)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        if dispatch.is_traced():
            return function(*args, **kwargs)
        result = cast(Callable[P, T], remembered)(*args, **kwargs)
        if (lent := _lent.get()) is not None:
            lent.append(result)
        return result

    return cached


@contextmanager
def lending() -> Iterator[list[object]]:
    """Collect every result that cached functions return in this context. The list keeps those tensors alive.

    A captured CUDA graph needs it: the graph reads them at their addresses, also after the cache has dropped them.
    """
    lent: list[object] = []
    token = _lent.set(lent)
    try:
        yield lent
    finally:
        _lent.reset(token)
