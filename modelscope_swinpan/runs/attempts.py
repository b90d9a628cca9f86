"""How often work is tried that may kill its process, and a counter of these tries for clusters.

The counter is in a process of its own, which does not die with a worker. PyTorch is not imported here: the process
should be small.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

ATTEMPTS = 3
DIED = f"{ATTEMPTS} worker processes died over this image."
"""The error of an image that is given up."""


class Attempts:
    """Counts how often images, or the loading of a model, were begun since they last ended."""

    def __init__(self) -> None:
        self._begun: Counter[Hashable] = Counter()

    def begin_together(self, images: Sequence[Hashable]) -> bool:
        """Count a start of each. Where one of them was begun and did not end: count nothing, and return False."""
        if any(self._begun[image] for image in images):
            return False
        self._begun.update(images)
        return True

    def begin(self, one: Hashable) -> int:
        """Count a start of ``one``, and return how often it was started."""
        self._begun[one] += 1
        return self._begun[one]

    def end(self, those: Sequence[Hashable]) -> None:
        """Forget ``those``."""
        for one in those:
            del self._begun[one]
