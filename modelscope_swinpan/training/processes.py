"""The processes of a training run: a single one, or the group that torchrun started."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

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


def join(device: torch.device) -> tuple[Processes, torch.device]:
    """Join the group that torchrun's environment variables name. Without them, this process is alone.

    Args:
        device: The kind of device to train on.

    Returns:
        The group, and this process's own device, which is one of several GPUs.

    Raises:
        DeviceError: there are fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(), device
    if device.type not in ("cpu", "mps"):  # CUDA's GPUs, Intel's, Ascend's NPUs
        rank, there = int(os.environ["LOCAL_RANK"]), torch.get_device_module(device).device_count()
        if rank >= there:
            raise DeviceError(
                f"torchrun started more processes here than the machine has {device.type} devices, {there}; use "
                f"--nproc-per-node {there}."
            )
        device = torch.device(device.type, rank)
        torch.get_device_module(device).set_device(device)
    if not distributed.is_initialized():
        backend = distributed.get_default_backend_for_device(device)
        distributed.init_process_group(backend, timeout=PATIENCE)
    return Processes(distributed.get_rank(), distributed.get_world_size()), device
