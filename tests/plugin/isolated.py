"""Calling a function in a process that has not imported ModelScope yet, without waiting for torch each time."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_CONTEXT = multiprocessing.get_context("forkserver")
# What ModelScope imports that is slow and has nothing to do with it. Children are forked from a process that has it.
_CONTEXT.set_forkserver_preload(["cv2", "datasets", "matplotlib.pyplot", "timm", "torchvision", "transformers"])


def call(function: Callable[..., T], *args: Any, cwd: Path, env: Mapping[str, str] | None = None) -> T:
    """The result of ``function(*args)`` in a process of its own, in the directory ``cwd``; its exception is raised.

    The module that holds ``function`` must import neither ModelScope nor us at its top.
    """
    with ProcessPoolExecutor(1, mp_context=_CONTEXT) as pool:
        return pool.submit(_enter, function, args, cwd, dict(env or {})).result(timeout=300)


def _enter(function: Callable[..., T], args: tuple[Any, ...], cwd: Path, env: dict[str, str]) -> T:
    early = {"modelscope", "modelscope_hub", "modelscope_swinpan"} & set(sys.modules)
    assert not early, f"{early} already imported: by the module that {function.__name__} is in?"
    os.environ.update(env)
    os.chdir(cwd)
    sys.path.insert(0, str(cwd))
    return function(*args)


def python(code: str, *, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``code`` run by a fresh interpreter, with nothing imported."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
