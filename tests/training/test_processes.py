"""Several processes train as one does."""

import os
import subprocess
import sys

import pytest
import torch

from modelscope_swinpan.errors import ConfigError, DeviceError
from modelscope_swinpan.training import processes as module
from modelscope_swinpan.training.log import read_table
from modelscope_swinpan.training.processes import Processes, join
from tests.conftest import ROOT
from tests.training.runs import small_run

TWO = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from modelscope_swinpan.training.processes import join
from tests.training.runs import small_run
processes, _ = join(torch.device("cpu"))
assert processes.world == 2
run = small_run(Path(sys.argv[1]), steps=3, batch_size=4, accumulate=int(sys.argv[2]), processes=processes)
run.train()
torch.save(run.model.state_dict(), Path(sys.argv[1]) / f"rank-{processes.rank}.pt")
processes.leave()
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_have_the_losses_of_one(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    answer = subprocess.run(
        [*launcher, script, tmp_path / "two", "2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    alone = small_run(tmp_path / "one", steps=3, batch_size=4)
    alone.train()
    one, two = (read_table(tmp_path / name / "log.csv") for name in ("one", "two"))
    for name in ("loss", "loss_class", "loss_mask", "loss_dice", "gradient_norm"):
        assert two[name] == pytest.approx(one[name], rel=1e-4), name
    first, second = (torch.load(tmp_path / "two" / f"rank-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)


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
