"""The samples of a run, in order: which image stands at which position, and how it is changed, follows from the seed.

Nothing has to be remembered to go on after an interruption, and neither the number of processes nor that of workers
changes a sample.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..coco.annotation import Example
from ..errors import ConfigError, SwinPanError
from .augment import Augment
from .config import Phase, TrainConfig
from .criterion import Target


class Batch(NamedTuple):
    """``images`` (B, 3, H, W) uint8 RGB, and what is true of them."""

    images: Tensor
    targets: list[Target]

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        targets = [Target(x.labels.to(device), x.masks.to(device), x.seed) for x in self.targets]
        return Batch(self.images.to(device, non_blocking=True), targets)


class Stream(Dataset[tuple[Tensor, Target]]):
    """The samples by position, 0 … steps × batch_size − 1. Every image comes once before any comes again."""

    def __init__(self, examples: Dataset[Example], phases: Sequence[Phase], config: TrainConfig) -> None:
        """``examples`` must have a length.

        Raises:
            ConfigError: there are no examples, or no phases.
        """
        self._count: int = len(examples)  # type: ignore[arg-type]
        if self._count == 0:
            raise ConfigError("The dataset has no images to train on.")
        if sum(phase.share for phase in phases) <= 0 or any(phase.share < 0 for phase in phases):
            raise ConfigError("The shares of a run's phases must be 0 or more, and some above 0.")
        self._examples = examples
        self._augments = [Augment(phase.augment) for phase in phases]
        shares = np.cumsum([phase.share for phase in phases])
        self._ends = (shares / shares[-1] * config.steps).round().astype(int) * config.batch_size
        self._seed = config.seed

    def __getitem__(self, position: int) -> tuple[Tensor, Target]:
        epoch, place = divmod(position, self._count)
        example = self._examples[int(_order(self._seed, epoch, self._count)[place])]
        seed = mix(self._seed, position)
        phase = min(int(np.searchsorted(self._ends, position, side="right")), len(self._augments) - 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            sample = self._augments[phase](example)
        return sample.image, Target(sample.labels, sample.masks, seed)


def batches(stream: Stream, config: TrainConfig, *, start: int, rank: int, world: int) -> Iterator[list[Batch]]:
    """Of every step from ``start`` on the parts that process ``rank`` of ``world`` works on, one after another.

    Raises:
        ConfigError: ``accumulate`` parts on every process do not divide the batch.
    """
    parts = config.accumulate * world
    if config.batch_size % parts:
        raise ConfigError(
            f"batch_size ({config.batch_size}) must be a multiple of processes × accumulate ({world} × "
            f"{config.accumulate})."
        )
    size = config.batch_size // parts
    positions = (
        list(range(first := step * config.batch_size + part * size, first + size))
        for step in range(start, config.steps)
        for part in range(rank, parts, world)
    )
    loader = iter(DataLoader(stream, batch_sampler=positions, num_workers=config.workers, collate_fn=_collate))
    for _ in range(start, config.steps):
        try:
            parts_of_step = [next(loader) for _ in range(config.accumulate)]
        except SwinPanError as error:
            raise _plain(error) from None
        yield parts_of_step


def _plain(error: SwinPanError) -> SwinPanError:
    """An error without the traceback that the loader puts into the message when a worker met it."""
    kind = type(error)
    return kind(str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")[2].rstrip())


def mix(*numbers: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _collate(samples: list[tuple[Tensor, Target]]) -> Batch:
    return Batch(torch.stack([image for image, _ in samples]), [target for _, target in samples])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of ``count`` images in an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(count)
