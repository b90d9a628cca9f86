"""Measure seconds and peak memory, in fresh processes where one measurement must not affect the next."""

import multiprocessing
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from ..errors import ConfigError

BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:  # whoever measures may be killed
    for _ in range(10**6):
        pass
"""
PROC = Path("/proc")
"""Linux's information about processes."""


def processor() -> str:
    """The processor's name and number of cores. On x86 Linux also its family and model: many kinds share a name."""
    try:
        told = dict(re.findall(r"^(.+?)\s*: (.*)$", (PROC / "cpuinfo").read_text(encoding="utf-8"), re.MULTILINE))
    except OSError:
        told = {}
    name = told.get("model name") or platform.processor() or platform.machine()
    kind = f" (family {told['cpu family']}, model {told['model']})" if "cpu family" in told else ""
    return f"{name}{kind}, {os.cpu_count()} cores"


def check_unbound() -> None:
    """Raise a ConfigError where OpenMP binds threads: each worker would inherit its parent's single processor."""
    explicit = "OMP_PROC_BIND" in os.environ  # without it, a list of processors binds
    for name in ("OMP_PROC_BIND",) if explicit else ("OMP_PLACES", "GOMP_CPU_AFFINITY"):
        if (value := os.environ.get(name, "")).lower() not in ("", "false"):
            raise ConfigError(
                f"{name}={value} binds the measured processes to one processor. Unset it: env -u {name} COMMAND"
            )


def worker(initializer: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """A fresh process that runs submitted calls one after another, until its ``with`` block ends."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer)


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """Within the block, ``number`` other processes keep a core busy each, as a machine's other users do."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(number)]  # noqa: S603
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(work: Callable[[], object]) -> dict[str, Any]:
    """Run ``work`` once.

    Returns:
        ``seconds``, and ``peak_bytes``: the peak of resident memory above its value before.
    """
    before = resident()
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    peak = peak_resident() - before
    del result  # counted in the peak
    return {"seconds": seconds, "peak_bytes": peak}


def resident() -> int:
    """Resident memory in bytes. On Linux this also resets the peak; elsewhere it returns the peak so far."""
    try:
        (PROC / "self" / "clear_refs").write_text("5", encoding="ascii")  # resets the peak
    except OSError:
        return peak_resident()
    return psutil.Process().memory_info().rss


def peak_resident() -> int:
    """Peak resident memory in bytes."""
    with suppress(OSError):  # Linux, where getrusage also counts the parent's memory before a fork
        status = (PROC / "self" / "status").read_text(encoding="utf-8")
        if found := re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE):
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
