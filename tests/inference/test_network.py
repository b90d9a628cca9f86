"""The options of a network's predictor, and processes that are forked from its own."""

import os

import pytest
import torch

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.network import check_batch_size, check_task, prepare_for_forks


def test_tasks():
    """A panoptic model does all three, others their own."""
    assert [check_task(task, "panoptic") for task in ("panoptic", "instance", "semantic")]
    assert check_task("instance", "instance") == "instance"
    with pytest.raises(ConfigError, match="this model was trained for 'instance' alone"):
        check_task("panoptic", "instance")
    with pytest.raises(ConfigError, match="must be one of 'panoptic', 'instance', 'semantic'; got 'depth'"):
        check_task("depth", "panoptic")


@pytest.mark.parametrize("batch_size", [0, -1, 1.0, True, "2"])
def test_batch_sizes(batch_size):
    with pytest.raises(ConfigError, match="batch_size must be a whole number of at least 1"):
        check_batch_size(batch_size)
    assert check_batch_size(2) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        prepare_for_forks()
        if (child := os.fork()) == 0:
            os._exit(torch.get_num_threads())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
