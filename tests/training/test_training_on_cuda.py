"""Training on a stand-in for the second of two CUDA GPUs: all but the backward pass. tests/gpu has a real one."""

import pytest

from modelscope_swinpan.training.log import read_table
from tests.cuda_stand_in import NONE_REAL, OTHER_GPU, stand_in, training
from tests.training.runs import fresh_model, small_run

pytestmark = NONE_REAL
LOSSES = ("loss", "loss_class", "loss_mask", "loss_dice")


@pytest.fixture
def on_gpu():
    """Makes runs on the GPU."""
    with stand_in(), training(lambda weight: weight * 0.01) as weights:

        def run(folder, **options):
            made = small_run(folder, fresh_model().to(OTHER_GPU), **options)
            weights[:] = made.model.parameters()
            return made

        yield run


@pytest.mark.parametrize(("bfloat16", "rel"), [(False, 1e-4), (True, 0.02)])
def test_a_step_has_the_losses_of_the_cpu(tmp_path, on_gpu, bfloat16, rel):
    options = {"steps": 1, "batch_size": 4, "accumulate": 2}
    on_gpu(tmp_path / "gpu", bfloat16=bfloat16, **options).train()
    small_run(tmp_path / "cpu", **options).train()
    found, expected = (read_table(tmp_path / name / "log.csv") for name in ("gpu", "cpu"))
    for name in LOSSES:
        assert found[name] == pytest.approx(expected[name], rel=rel)
        assert (found[name] != expected[name]) == bfloat16


def test_a_run_goes_on(tmp_path, on_gpu):
    def stop(step, _):
        if step == 3:
            raise KeyboardInterrupt

    options = {"steps": 3, "muon": 3.0}
    on_gpu(tmp_path / "whole", **options).train()
    with pytest.raises(KeyboardInterrupt):
        on_gpu(tmp_path / "stopped", **options).train(stop)
    resumed = on_gpu(tmp_path / "stopped", **options)
    assert resumed.step == 2
    resumed.train()
    found, expected = (read_table(tmp_path / name / "log.csv") for name in ("stopped", "whole"))
    assert [found[name] for name in LOSSES] == [expected[name] for name in LOSSES]
