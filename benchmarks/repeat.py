"""Measure the same work in several fresh processes."""

from collections.abc import Callable
from statistics import median
from typing import Any

from modelscope_swinpan.benchmark.process import worker


def repeat(runs: int, work: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Call ``work(*arguments)`` in ``runs`` fresh processes, and return the :func:`summary` of their measurements."""
    measured = []
    for _ in range(runs):
        with worker() as executor:
            measured.append(executor.submit(work, *arguments).result())
    return summary(measured)


def summary(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """The median seconds, all seconds, and the largest peak of several measurements (dicts of :func:`measure`)."""
    seconds = [one["seconds"] for one in measured]
    return {
        "seconds": round(median(seconds), 3),
        "seconds_all": [round(value, 3) for value in seconds],
        "peak_bytes": max(one["peak_bytes"] for one in measured),
    }
