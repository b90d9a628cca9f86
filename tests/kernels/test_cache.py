import torch

from modelscope_swinpan.kernels.cache import ENTRIES, lending, shape_cache


def test_made_in_inference_mode_used_in_training():
    made = []

    @shape_cache
    def ramp(size: int) -> torch.Tensor:
        made.append(size)
        return torch.arange(float(size))

    with torch.inference_mode():
        first = ramp(3)
    assert ramp(3) is first
    assert made == [3]
    (torch.ones(3, requires_grad=True) * ramp(3)).sum().backward()


def test_bounded():
    made = []

    @shape_cache
    def remember(size: int) -> torch.Tensor:
        made.append(size)
        return torch.zeros(1)

    for size in range(ENTRIES + 1):
        remember(size)
    remember(0)
    assert made[-1] == 0
    assert len(made) == ENTRIES + 2


def test_what_is_lent_outlives_the_memory():
    @shape_cache
    def zeros(size: int) -> torch.Tensor:
        return torch.zeros(size)

    zeros(1)
    with lending() as lent:
        first = [zeros(1), zeros(2)]
    zeros(3)
    assert [id(tensor) for tensor in lent] == [id(tensor) for tensor in first]
