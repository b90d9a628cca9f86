"""Processes of their own to measure in, and what they measure: seconds and peak memory."""

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import ConfigError


def check_unbound() -> None:
    """Raise a ConfigError where OpenMP binds threads: a worker would inherit the one processor of its parent."""
    asked = "OMP_PROC_BIND" in os.environ  # or else naming processors binds
    for name in ("OMP_PROC_BIND",) if asked else ("OMP_PLACES", "GOMP_CPU_AFFINITY"):
        if (value := os.environ.get(name, "")).lower() not in ("", "false"):
            raise ConfigError(
                f"{name}={value} ties a measurement's processes to one processor. Measure without it: "
                f"env -u {name} swinpan bench …"
            )


@contextmanager
def worker() -> Iterator[ProcessPoolExecutor]:
    """A fresh process that lives as long as the block, and runs what is submitted one after another."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield executor


def repeat(runs: int, work: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """:func:`summary` of ``work(*arguments)``, which returns :func:`measure`'s dict, in fresh processes."""
    found = []
    for _ in range(runs):
        with worker() as executor:
            found.append(executor.submit(work, *arguments).result())
    return summary(found)


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Median seconds, all seconds and the largest peak of several of :func:`measure`'s dicts."""
    seconds = [result["seconds"] for result in found]
    return {
        "seconds": round(median(seconds), 3),
        "seconds_all": [round(value, 3) for value in seconds],
        "peak_bytes": max(result["peak_bytes"] for result in found),
    }


def measure(work: Callable[[], object]) -> dict[str, Any]:
    """Run ``work`` once: its seconds, and the peak memory above what was resident before, in bytes."""
    before = resident()
    start = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - start
    peak = peak_resident()
    del kept
    return {"seconds": seconds, "peak_bytes": peak - before}


def resident() -> int:
    """Resident memory in bytes, after making the peak so far forgotten where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: reset the peak
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return peak_resident()


def peak_resident() -> int:
    """Peak resident memory in bytes. Linux counts the parent's into what ``getrusage`` says."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
