"""What is logged."""

import time

import numpy as np
import pytest

from modelscope_swinpan.training.meter import Meter


def test_means_and_speed():
    meter = Meter(("loss", "norm"), images_per_step=5)
    meter.add({"loss": 1.0, "norm": 4.0})
    meter.add({})
    meter.add({"loss": 2.0, "norm": 0.0})
    time.sleep(0.05)
    with meter.paused():
        time.sleep(0.2)
    values = meter.read()
    assert (values["loss"], values["norm"]) == (1.5, 2.0)
    assert 15 / 0.2 < values["images_per_second"] < 15 / 0.05
    meter.add({"loss": 8.0, "norm": 0.0})
    assert meter.read()["loss"] == 8


def test_skipped_steps_alone_are_no_number():
    meter = Meter(("loss",), images_per_step=1)
    meter.add({})
    assert np.isnan(meter.read()["loss"])


def test_a_pause_that_fails_says_so():
    meter = Meter((), images_per_step=1)
    with pytest.raises(OSError, match="full"), meter.paused():
        raise OSError("full")
