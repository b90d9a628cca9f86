"""What a cluster knows of tasks whose workers died: a worker that dies cannot tell. It runs alone: no torch here."""

from collections import Counter


class Attempts:
    """Counts how often tasks were begun since they last ended."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begin(self, task: int) -> int:
        """How often, with this time."""
        self._begun[task] += 1
        return self._begun[task]

    def end(self, task: int) -> None:
        """Forget a task."""
        del self._begun[task]
