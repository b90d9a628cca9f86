"""Small YAML files of strangers. Deep nesting is refused, and aliases, which can make gigabytes of a kilobyte."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import SwinPanError

MAX_BYTES = 2**20
_DEPTH = 8  # reading takes ever longer with it


def read_yaml(path: Path, expected: str, error: type[SwinPanError]) -> Mapping[Any, Any]:
    """The mapping that a YAML file holds. An ``error`` says what was ``expected`` if it holds anything else."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error(f"{path}: over {MAX_BYTES} bytes, expected {expected}.")
        content = path.read_bytes()
        depth = 0
        for event in yaml.parse(content, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise error(f"{path}: has aliases (*name), which are not read; write out what they stand for.")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH:
                raise error(f"{path}: lists within lists, {depth} deep; expected {expected}.")
        found = yaml.safe_load(content)
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None
    except SwinPanError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(f"{path}: not a YAML file: {' '.join(str(problem).split())[:200]}") from None
    if not isinstance(found, Mapping) or not found:
        raise error(f"{path}: expected {expected}.")
    return found
