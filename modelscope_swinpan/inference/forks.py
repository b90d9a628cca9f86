"""Models that answer in forked processes."""

import os
from functools import cache, partial

import torch


@cache
def prepare_for_forks() -> None:
    """From now on, give each forked process one thread. Call it when this process runs a model.

    By then OpenMP has threads. They do not exist in a forked process, which would wait for them.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
