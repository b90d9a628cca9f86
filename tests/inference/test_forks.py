"""A forked process computes with one thread."""

import os

import pytest
import torch

from modelscope_swinpan.inference.forks import prepare_for_forks


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
