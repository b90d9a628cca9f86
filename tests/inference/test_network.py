"""The options of a network's predictor."""

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.network import check_batch_size, check_task


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
    with pytest.raises(ConfigError, match="batch_size must be a positive int"):
        check_batch_size(batch_size)
    assert check_batch_size(2) == 2
