"""Small YAML files of strangers.

Scalars are texts as they are written, except null and plain decimal numbers: a class may be called no, on or 010,
which YAML 1.1 takes for truth values and an octal number. Aliases are refused, since a kilobyte of them can stand for
gigabytes, and so is deep nesting.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..errors import SwinPanError
from .files import read_small

_DEPTH = 8  # the time to read grows with it


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # those of SafeLoader change names


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"(0|-?[1-9]\d{0,17})\Z", re.ASCII), list("-0123456789")
)


def read_yaml(path: Path, expected: str, error: type[SwinPanError]) -> Mapping[Any, Any]:
    """The mapping that a YAML file holds. An ``error`` says what was ``expected`` if it holds anything else."""
    try:
        content = read_small(path, expected, error)
        depth = 0
        for event in yaml.parse(content, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise error(f"{path}: has aliases (*name), which are not read; write out what they stand for.")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH:
                raise error(f"{path}: lists within lists, {depth} deep; expected {expected}.")
        found = yaml.load(content, _Loader)  # noqa: S506 (a SafeLoader)
    except SwinPanError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(f"{path}: not a YAML file: {' '.join(str(problem).split())[:200]}") from None
    if not isinstance(found, Mapping) or not found:
        raise error(f"{path}: expected {expected}.")
    return found
