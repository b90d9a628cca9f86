"""The processes of a training run: a single one, or the group that torchrun started."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from ..checkpoints.load import parse_device
from ..errors import DeviceError

PATIENCE = timedelta(hours=12)  # how long the other processes wait for the one that evaluates


@dataclass(frozen=True)
class Processes:
    """The ``rank`` of this process, and the number of processes, ``world``. Rank 0 writes the files."""

    rank: int = 0
    world: int = 1

    def sum(self, values: Tensor) -> Tensor:
        """Add up the values of all processes. Every process gets the sum."""
        if self.world > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def leave(self) -> None:
        """Leave the group."""
        if self.world > 1:
            distributed.destroy_process_group()


def join(device: str | torch.device) -> tuple[Processes, torch.device]:
    """Join the group that torchrun's environment variables name. Without them, this process is alone.

    Args:
        device: What to train on, as :func:`~.load.parse_device` takes it. Of several GPUs, each process takes its own.

    Returns:
        The group, and this process's own device.

    Raises:
        ConfigError: this machine has no such device.
        DeviceError: there are fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(), parse_device(device)
    kind = str(device).partition(":")[0]
    if kind not in ("cpu", "mps"):  # CUDA's GPUs, Intel's, Ascend's NPUs
        rank, there = int(os.environ["LOCAL_RANK"]), torch.accelerator.device_count()
        if 0 < there <= rank:
            raise DeviceError(
                f"torchrun started more processes here than the machine has {kind} devices, {there}; use "
                f"--nproc-per-node {there}."
            )
        if there:  # first of all: what touches the first GPU keeps some of its memory
            torch.accelerator.set_device_index(rank)
    own = parse_device(kind)
    if not distributed.is_initialized():
        distributed.init_process_group(distributed.get_default_backend_for_device(own), timeout=PATIENCE)
    return Processes(distributed.get_rank(), distributed.get_world_size()), own
