"""A bounded memory of tensors that follow from shapes alone."""

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
T = TypeVar("T")

ENTRIES = 64


def shape_cache(function: Callable[P, T]) -> Callable[P, T]:
    """Remember the last results of ``function``, whose arguments must be hashable and its tensors never changed.

    They are made outside inference mode even when a prediction asks first, so that training can use them as well.
    """

    @lru_cache(maxsize=ENTRIES)
    @wraps(function)
    def remembered(*args: Hashable) -> T:
        with torch.inference_mode(False):
            return cast(Callable[..., T], function)(*args)

    return cast(Callable[P, T], remembered)
