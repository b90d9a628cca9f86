"""Every fast form answers as its plain twin does."""

import importlib
import pkgutil

import pytest

from modelscope_swinpan import kernels
from modelscope_swinpan.kernels import deformable, dispatch
from modelscope_swinpan.kernels.linear import linear_by_onednn
from tests.kernels.twins import CASES, hold

for module in pkgutil.iter_modules(kernels.__path__):
    if module.name != "deformable_triton":
        importlib.import_module(f"{kernels.__name__}.{module.name}")


def test_every_fast_form_has_arguments_to_test_it_with():
    assert set(CASES) == {fast for forms in dispatch.FORMS.values() for _, fast in forms}


# test_deformable_triton.py holds that one to its twin, under Triton's interpreter.
@pytest.mark.parametrize("fast", [form for form in CASES if form is not deformable.sample_by_triton])
def test_answers_as_the_plain_twin(fast):
    if fast is linear_by_onednn and not dispatch.onednn_dtypes():
        pytest.skip("this build of PyTorch has no oneDNN, or none that is the faster way")
    hold(fast)
