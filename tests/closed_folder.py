"""A folder that may not be read, also by tests that run as root."""

import builtins
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def closed_folder(folder: Path) -> Iterator[None]:
    """In the block, this process may neither list ``folder`` nor look at what is in it."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((os, "stat"), (os, "scandir"), (os, "open"), (io, "open"), (builtins, "open")):
            patch.setattr(module, name, _refusing(getattr(module, name), folder))
        yield


def _refusing(real: Any, folder: Path) -> Any:
    def function(path: Any = ".", *given: Any, **options: Any) -> Any:
        named = Path(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else Path()
        if named.is_relative_to(folder) and (named != folder or real is _scandir):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *given, **options)

    return function


_scandir = os.scandir
