from dataclasses import dataclass

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.registry import Registry


@dataclass(frozen=True)
class Tool:
    name: str


def test_entries_in_the_order_of_registration():
    tools: Registry[Tool] = Registry("tool")
    saw, axe = tools.register(Tool("saw")), tools.register(Tool("axe"))
    assert list(tools) == [saw, axe]
    with pytest.raises(ConfigError, match="There is a tool named 'saw' already"):
        tools.register(Tool("saw"))
    tools.unregister("saw")
    tools.unregister("saw")
    assert list(tools) == [axe]
    tools.register(Tool("saw"))
    assert [tool.name for tool in tools] == ["axe", "saw"]
