"""A bounded memory of tensors that follow from shapes alone."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
T = TypeVar("T")

ENTRIES = 128
_lent: ContextVar[list[object] | None] = ContextVar("lent", default=None)


def shape_cache(function: Callable[P, T]) -> Callable[P, T]:
    """Remember the last results of ``function``, whose arguments must be hashable and its tensors never changed.

    They are made outside inference mode even when a prediction asks first, so that training can use them as well.
    A trace (``torch.export``, ``torch.compile``) gets its own and leaves nothing: what it makes are no real tensors.
    """

    @lru_cache(maxsize=ENTRIES)
    def remembered(*args: Hashable) -> T:
        with torch.inference_mode(False):
            return cast(Callable[..., T], function)(*args)

    @wraps(function)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        if torch.compiler.is_compiling():
            return function(*args, **kwargs)
        result = cast(Callable[P, T], remembered)(*args, **kwargs)
        if (lent := _lent.get()) is not None:
            lent.append(result)
        return result

    return cached


@contextmanager
def lending() -> Iterator[list[object]]:
    """What remembered functions hand out within, gathered: who keeps the list keeps it all from being freed.

    A captured CUDA graph needs that. It reads these tensors where they lie, whether or not they are still remembered.
    """
    lent: list[object] = []
    token = _lent.set(lent)
    try:
        yield lent
    finally:
        _lent.reset(token)
