"""A small Ray cluster on this machine. Nothing of it leaves the machine."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def running_cluster() -> Iterator[str]:
    """A cluster of two CPUs; gives its address."""
    folder = tempfile.mkdtemp(prefix="ray")  # pytest's folders have names that are too long for sockets
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # or else Ray keeps a token in the home directory
        patch.setenv("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray

        context = ray.init(
            "local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100 * 2**20,
            _temp_dir=folder,
        )
        yield context.address_info["address"]
        ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
