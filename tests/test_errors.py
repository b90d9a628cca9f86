import copy
import pickle

import pytest

from modelscope_swinpan import errors
from modelscope_swinpan.errors import MAX_MESSAGE, ConfigError, SwinPanError, brief, is_short_of_memory

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SwinPanError)]


@pytest.mark.parametrize("kind", KINDS)
def test_long_messages_are_cut_in_the_middle(kind):
    error = kind("a.pt: unknown " + "x" * 10**6 + ". Use y.")
    assert len(str(error)) == MAX_MESSAGE
    assert str(error).startswith("a.pt: unknown xxx")
    assert str(error).endswith("xxx. Use y.")
    assert "… [1,000,022 characters, cut] …" in str(error)
    assert str(kind(str(error))) == str(error)  # as ModelScope raises it again


def test_other_messages_stay():
    assert str(ConfigError("short")) == "short"
    assert str(ConfigError()) == ""
    assert brief("x" * MAX_MESSAGE) == "x" * MAX_MESSAGE


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_travel(again):
    error = again(ConfigError("x" * 5000))
    assert type(error) is ConfigError
    assert len(str(error)) == MAX_MESSAGE


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        "MPS backend out of memory (MPS allocated: 17.80 GiB)",
    ],
)
def test_devices_are_short_of_memory_in_words_of_their_own(message):
    assert is_short_of_memory(RuntimeError(message))
    assert not is_short_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
