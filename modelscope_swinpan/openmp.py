"""How OpenMP's threads wait for their next piece of work.

By default they spin for milliseconds. On a machine where another process runs too, a spinning thread takes the core
from the very thread it waits for, thousands of times an image (docs/speed.md has the figures).
"""

import logging
import os
import sys

SHORT_WAIT = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}
"""Sleep at once (LLVM's and Intel's runtimes), or after some microseconds (GNU's, which Linux's PyTorch has)."""
SWITCHES = (*SHORT_WAIT, "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Environment variables by which a user decides how threads wait."""

_logger = logging.getLogger(__name__)


def wait_briefly() -> None:
    """Ask OpenMP for short waits, in this process and in those that it starts, where the user set no switch.

    OpenMP reads its switches when PyTorch loads it. Where PyTorch came first, a note goes to the log.
    """
    if any(name in os.environ for name in SWITCHES):
        return
    if "torch" in sys.modules:
        _logger.info(
            "PyTorch was imported before modelscope_swinpan. On a CPU that other processes use too, models are faster "
            "with OMP_WAIT_POLICY=passive in the environment, or with modelscope_swinpan imported first."
        )
    os.environ.update(SHORT_WAIT)


def restore_waits() -> None:
    """Undo :func:`wait_briefly`, in a process that has not loaded PyTorch."""
    if SHORT_WAIT.items() <= os.environ.items():
        for name in SHORT_WAIT:
            del os.environ[name]
