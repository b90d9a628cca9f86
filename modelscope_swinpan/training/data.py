"""The samples of a training run. The seed and the position of a sample decide its image and its augmentation.

So a run needs no record of its data to continue after an interruption, and the numbers of processes and workers change
no sample.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from ..coco.annotation import Example
from ..coco.remarks import DAMAGED, Remark
from ..errors import ConfigError, DamagedFileError, DatasetError, SwinPanError
from .augment import Augment
from .config import Phase, TrainConfig
from .criterion import Target


class Item(NamedTuple):
    """A sample: ``image`` (3, H, W) uint8 RGB, its target, and what was odd about the data it was made of."""

    image: Tensor
    target: Target
    remarks: tuple[Remark, ...]


class Batch(NamedTuple):
    """``images`` (B, 3, H, W) uint8 RGB, their targets, and what was odd about the data they were made of."""

    images: Tensor
    targets: list[Target]
    remarks: tuple[Remark, ...] = ()

    def to(self, device: torch.device) -> "Batch":
        """Copy the batch to a device."""
        targets = [Target(x.labels.to(device), x.masks.to(device), x.seed) for x in self.targets]
        return Batch(self.images.to(device, non_blocking=True), targets, self.remarks)


class TrainingData(Dataset[Item]):
    """The samples by position, 0 … steps × batch_size − 1. Every image comes once before any comes again.

    The next image takes the place of a damaged one. More than ``config.tolerate`` of them for one sample are an error.
    """

    def __init__(self, examples: Dataset[Example], phases: Sequence[Phase], config: TrainConfig) -> None:
        """Plan the samples of a run; ``examples`` must have a length.

        Raises:
            ConfigError: there are no examples, or the shares of the phases do not add up to more than 0.
        """
        self._count: int = len(examples)  # type: ignore[arg-type]
        if self._count == 0:
            raise ConfigError("The dataset has no images to train on.")
        if sum(phase.share for phase in phases) <= 0 or any(phase.share < 0 for phase in phases):
            raise ConfigError("The shares of a run's phases must be 0 or more, and at least one must be above 0.")
        self._examples = examples
        self._augments = [Augment(phase.augment) for phase in phases]
        shares = np.cumsum([phase.share for phase in phases])
        self._ends = (shares / shares[-1] * config.steps).round().astype(int) * config.batch_size
        self._seed = config.seed
        self._tolerate = config.tolerate

    def __getitem__(self, position: int) -> Item:
        example, damaged = self._example(*divmod(position, self._count))
        seed = combine_seeds(self._seed, position)
        phase = int(np.searchsorted(self._ends, position, side="right"))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            sample = self._augments[phase](example)
        return Item(sample.image, Target(sample.labels, sample.masks, seed), (*damaged, *example.remarks))

    def _example(self, epoch: int, place: int) -> tuple[Example, list[Remark]]:
        """The example at a place of an epoch's order, or the next sound one, and remarks about the damaged ones."""
        order, damaged = _order(self._seed, epoch, self._count), list[Remark]()
        while len(damaged) < self._count:
            try:
                return self._examples[int(order[(place + len(damaged)) % self._count])], damaged
            except DamagedFileError as error:  # noqa: PERF203 (damage is rare)
                damaged.append(Remark(DAMAGED, str(error)))
                check_tolerable([remark.where for remark in damaged], self._tolerate)
        raise DatasetError(f"All {self._count} photos are damaged. The last: {damaged[-1].where}")


def check_tolerable(damaged: Sequence[str], tolerate: int) -> None:
    """Raise a DatasetError if more than ``tolerate`` photos are damaged; ``damaged`` says of each what is wrong."""
    if len(damaged) > tolerate:
        raise DatasetError(
            f"Damaged photos: {len(damaged)}, and tolerate is {tolerate}. Put sound files in their place, or raise "
            "tolerate (--set tolerate=N), and give the same command again. They are:\n" + "\n".join(damaged[:100])
        )


def batches(data: TrainingData, config: TrainConfig, *, start: int, rank: int, world: int) -> Iterator[list[Batch]]:
    """Iterate over the steps from ``start`` on: the parts of each batch that process ``rank`` of ``world`` computes.

    Raises:
        ConfigError: the batch cannot be divided among the processes and their accumulated parts.
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
    loader = iter(DataLoader(data, batch_sampler=positions, num_workers=config.workers, collate_fn=_collate))
    for _ in range(start, config.steps):
        try:
            parts_of_step = [next(loader) for _ in range(config.accumulate)]
        except SwinPanError as error:  # a data loader puts a worker's traceback in front of the message
            kind = type(error)
            message = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")[2]
            raise kind(message.rstrip()) from None
        yield parts_of_step


def combine_seeds(*numbers: int) -> int:
    """Make one seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _collate(items: list[Item]) -> Batch:
    remarks = tuple(remark for item in items for remark in item.remarks)
    batch = Batch(torch.stack([item.image for item in items]), [item.target for item in items], remarks)
    if get_worker_info() is not None:
        # PyTorch would do it in a thread, where full shared memory is no error: the run would wait forever.
        for tensor in (batch.images, *(part for x in batch.targets for part in (x.labels, x.masks))):
            tensor.share_memory_()  # type: ignore[no-untyped-call]
    return batch


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)
