import copy
import pickle

import pytest

from modelscope_swinpan import errors
from modelscope_swinpan.errors import MAX_MESSAGE, ConfigError, SwinPanError, brief

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
