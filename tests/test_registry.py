from dataclasses import dataclass

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.registry import Registry


@dataclass(frozen=True)
class Tool:
    name: str


def test_entries_in_the_order_of_registration():
    tools: Registry[Tool] = Registry()
    saw, axe = tools.register(Tool("saw")), tools.register(Tool("axe"))
    assert list(tools.values()) == [saw, axe]
    with pytest.raises(ConfigError, match="'saw' is registered already"):
        tools.register(Tool("saw"))
    del tools["saw"]
    tools.register(Tool("saw"))
    assert list(tools) == ["axe", "saw"]
