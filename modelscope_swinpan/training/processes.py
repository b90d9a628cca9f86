"""The processes of a run: one, or as many as torchrun started."""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from ..errors import DeviceError


@dataclass(frozen=True)
class Processes:
    """``rank`` of this one (0 writes the files) and ``world``, their number."""

    rank: int = 0
    world: int = 1

    def add(self, values: Tensor) -> Tensor:
        """The sum of all processes' values."""
        if self.world > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def leave(self) -> None:
        """Let go of the others."""
        if self.world > 1:
            distributed.destroy_process_group()


PATIENCE = timedelta(hours=12)
"""How long processes wait for one that evaluates."""


def join(device: torch.device) -> tuple[Processes, torch.device]:
    """Join the group that torchrun's environment tells of, and this process's own device, one of several GPUs.

    Without that environment this process is alone.

    Raises:
        DeviceError: there are fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(), device
    if device.type == "cuda":
        rank, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if rank >= gpus:
            raise DeviceError(
                f"torchrun started more processes here than there are GPUs, {gpus}: give it --nproc-per-node {gpus}."
            )
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return Processes(distributed.get_rank(), distributed.get_world_size()), device
