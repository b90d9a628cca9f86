"""Threads that nobody sees, and that slow down the model: OpenMP's, of more threads than run the model."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import EMBEDDED, TINY

LEFT = """
import os, sys, time
import cv2
import numpy as np
from concurrent.futures import ThreadPoolExecutor
import torch
from modelscope_swinpan import PanopticPredictor, load_model
torch.set_num_threads(4)
cv2.setNumThreads(1)

def threads():
    return len(os.listdir("/proc/self/task"))

def prepare():
    before = threads()
    predictor.prepare([np.zeros((600, 800, 3), np.uint8)] * 4)
    return threads() - before

before = threads()
model = load_model(sys.argv[1])
for _ in range(100):  # those that end may need a moment
    if threads() > before:
        time.sleep(0.05)
print(threads() - before)
predictor = PanopticPredictor(model)
with ThreadPoolExecutor(1) as pool:
    print(pool.submit(prepare).result())
torch.ones(10**6).add(1)
print(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them")
@pytest.mark.parametrize("model", [TINY, EMBEDDED], ids=["converted names", "converted to float32"])
def test_loading_and_preparing_leave_no_openmp_threads(model):
    answer = subprocess.run([sys.executable, "-c", LEFT, model], capture_output=True, text=True, check=True)
    loading, preparing, of_torch = map(int, answer.stdout.split())
    assert (loading, preparing) == (0, 0)
    assert of_torch > 0  # such threads can be seen
