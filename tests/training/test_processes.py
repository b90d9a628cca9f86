"""Several processes train as one does."""

import pytest
import torch

from modelscope_swinpan.errors import ConfigError, DeviceError
from modelscope_swinpan.training import processes as module
from modelscope_swinpan.training.processes import Processes, join
from tests.training.runs import check_two_processes, small_run


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_have_the_losses_of_one(tmp_path):
    check_two_processes(tmp_path, "cpu", rel=1e-4)


def test_without_a_launcher_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    processes, device = join(torch.device("cpu"))
    assert (processes, device) == (Processes(rank=0, world=1), torch.device("cpu"))
    assert torch.equal(processes.sum(torch.ones(2)), torch.ones(2))


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="--nproc-per-node 1"):
        join(torch.device("cuda"))


@pytest.mark.parametrize("device", ["cuda", torch.device("cuda", 0)])
def test_a_process_touches_no_gpu_but_its_own(monkeypatch, device):
    """Each would keep some hundred megabytes of the first one, or be refused there."""
    done = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "set_device_index", lambda index: done.append(f"set {index}"))
    monkeypatch.setattr(module, "parse_device", lambda name: (done.append(name), torch.device(name, 1))[1])
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend, timeout: done.append(backend))
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    assert join(device) == (Processes(rank=1, world=2), torch.device("cuda", 1))
    assert done == ["set 1", "cuda", "nccl"]


def test_processes_without_a_gpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match="device 'quantum' cannot be used on this machine"):
        join("quantum")


def test_a_batch_that_processes_cannot_share(tmp_path):
    run = small_run(tmp_path, batch_size=4, accumulate=2)
    from modelscope_swinpan.training.data import batches

    with pytest.raises(ConfigError, match=r"batch_size \(4\) must be a multiple of processes × accumulate \(3 × 2\)"):
        next(batches(run.data, run.config, start=0, rank=0, world=3))
