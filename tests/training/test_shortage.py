"""A machine that is short of something: the run ends, and says what to do."""

import multiprocessing
import os
import signal
import sys

import pytest
import torch

from modelscope_swinpan.errors import DeviceError, TrainingError
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS, SceneDataset
from modelscope_swinpan.training.shortage import shortages_told
from tests.full_disk import full_disk
from tests.training.runs import small_run

SEEDS = range(TRAINING_SEEDS, TRAINING_SEEDS + 6)


class Killing(SceneDataset):
    """Scenes over which the process that paints them dies, as when the system is short of memory."""

    def __getitem__(self, index):
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_reads_images_is_killed(tmp_path):
    examples = Killing(SEEDS, (64, 64))
    with pytest.raises(DeviceError, match=r"was killed \(.*worker \(pid.*--set workers=1, .* the same command again"):
        small_run(tmp_path, examples=examples, workers=1).train()
    small_run(tmp_path, examples=examples, workers=0, steps=4).train()


@pytest.fixture
def forks():
    """Fork processes, with the limits of this one. A fork server, as from Python 3.14 on, may have older limits."""
    multiprocessing.set_start_method("fork", force=True)
    yield
    multiprocessing.set_start_method(None, force=True)


@pytest.mark.skipif(sys.platform != "linux", reason="shared memory is no file that a limit holds for")
@pytest.mark.usefixtures("forks")
def test_shared_memory_is_full(tmp_path):
    """PyTorch alone would wait forever."""
    with full_disk(), pytest.raises(DeviceError, match=r"too little shared memory .*--shm-size.*--set workers=0"):
        small_run(tmp_path, workers=1).train()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nmore"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
    ids=["GPU", "CPU", "Python"],
)
def test_out_of_memory(error):
    with pytest.raises(DeviceError, match=r"^Out of memory \(.*\)\. Try, in this order: --set b"), shortages_told():
        raise error
    assert error.__traceback__ is None  # it would keep tensors alive


@pytest.mark.parametrize("error", [RuntimeError("a mistake of ours"), TrainingError("out of memory")])
def test_other_errors_stay(error):
    with pytest.raises(type(error)) as caught, shortages_told():
        raise error
    assert caught.value is error
