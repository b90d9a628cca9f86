"""How often a thing is tried that may itself kill the process; and a count of it for clusters.

The count is kept in a process of its own, which a dying worker leaves alone. PyTorch is not imported here: the process
should be small.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

ATTEMPTS = 3
DIED = f"{ATTEMPTS} worker processes died over this image."
"""What is told of an image that is given up."""


class Attempts:
    """Counts how often images, or the loading of a model, were begun since they last ended."""

    def __init__(self) -> None:
        self._begun: Counter[Hashable] = Counter()

    def begin_together(self, images: Sequence[Hashable]) -> bool:
        """Count a start of each; or count nothing and say no, where one of them was begun and did not end."""
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
