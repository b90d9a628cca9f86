"""The count of attempts at each task of a cluster, kept in a process of its own, which a dying worker leaves alone.

PyTorch is not imported here: the process should be small.
"""

from collections import Counter


class Attempts:
    """Counts how often tasks were begun since they last ended."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begin(self, task: int) -> int:
        """Count a start of ``task``, and return how often it was started."""
        self._begun[task] += 1
        return self._begun[task]

    def end(self, task: int) -> None:
        """Forget a task."""
        del self._begun[task]
