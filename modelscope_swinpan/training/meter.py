"""What is logged of a run: means over some steps, and speed."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Meter:
    """Means of what the steps since the last reading gave, under ``names``, and how fast they were."""

    def __init__(self, names: Sequence[str], images_per_step: int) -> None:
        self._names = names
        self._images_per_step = images_per_step
        self._clear()

    def _clear(self) -> None:
        self._start, self._steps = time.perf_counter(), 0
        self._values: dict[str, list[float]] = {name: [] for name in self._names}

    def add(self, values: Mapping[str, float]) -> None:
        """Count a step; ``values`` is empty where it was skipped."""
        self._steps += 1
        for name, value in values.items():
            self._values[name].append(value)

    def read(self) -> dict[str, float]:
        """The means, not a number where all steps were skipped, and the images per second; starts anew."""
        speed = self._steps * self._images_per_step / (time.perf_counter() - self._start)
        means = {name: sum(values) / len(values) if values else math.nan for name, values in self._values.items()}
        self._clear()
        return {**means, "images_per_second": speed}

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time of what is done within."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start
