"""Workers on a Ray cluster, and connecting to one, or starting it on this machine."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..extras import require
from ..inference.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class RayWorkers:
    """The workers to start.

    ``load`` loads the predictor on a device, also in the workers' processes: it must pickle. The workers load it on
    ``device``; this process loads it on the CPU, to tell what it is. There are at least and at most ``workers``, each
    with ``cpus`` and ``gpus``; several may share a GPU. ``address`` is that of a running cluster, or 'auto'. Without
    one, the process's own Ray is used, or one is started on this machine and stopped again.
    """

    load: Callable[[str | None], Predictor]
    device: str = "cpu"
    workers: tuple[int, int] = (1, 1)
    cpus: float = 1
    gpus: float = 0
    address: str | None = None


def import_ray(extra: str) -> None:
    """Import Ray, or raise a ConfigError that names the ``extra`` to install. It sends no statistics to anybody."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    require("The engine ray", "ray", extra=extra)


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Connect to a cluster, after :func:`import_ray`. Ray then prints errors only.

    Without an ``address`` the process's own Ray is used, or one is started on this machine and stopped again.

    Raises:
        ConfigError: no cluster answers there.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        ray.init("local", include_dashboard=False, **quiet)
    else:
        try:
            ray.init(address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"No Ray cluster answers at {address!r}: {str(error).splitlines()[0]}") from None
    try:
        yield
    finally:
        ray.shutdown()


def check_room(cpus: float, gpus: float, *, workers: int = 1) -> None:
    """Raise a ConfigError where ``workers`` do not fit on this machine: Ray would wait for another one."""
    import ray

    there = ray.cluster_resources()
    for kind, each in (("CPU", cpus), ("GPU", gpus)):
        if each * workers > there.get(kind, 0):
            needs = "A worker needs" if workers == 1 else f"{workers} workers need"
            raise ConfigError(
                f"{needs} {each * workers:g} {kind}s, but Ray has {there.get(kind, 0):g} on this machine. Ask for "
                "less, or give the address of a cluster."
            )
