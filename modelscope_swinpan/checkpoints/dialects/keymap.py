"""Applies the key tables of dialects strictly: every key is used exactly once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from ...models.keys import PLACEHOLDERS, Rule

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 8
"""Most keys that a message lists."""
LONGEST = 120
"""Most characters of a key in a message."""


class KeyMap:
    """A table of rules, compiled. ``aliases`` are other names of the same weights, which are read but never written."""

    def __init__(self, rules: Sequence[Rule], aliases: Sequence[Rule] = ()) -> None:
        self._read = [(rule, _compile(rule.theirs)) for rule in (*rules, *aliases)]
        ours = [(rule, _compile(rule.ours)) for rule in rules if rule.ours is not None]
        self._write = [(rule, pattern) for rule, pattern in ours if rule.constant is None]
        self._constants = [(rule, pattern) for rule, pattern in ours if rule.constant is not None]

    def knows(self, key: str) -> bool:
        """Whether there is a rule for a dialect's key."""
        return any(pattern.fullmatch(key) for _, pattern in self._read)

    def prefix(self, key: str) -> str | None:
        """What is before a dialect's key in ``key``: nothing, or up to a dot. None if it does not end in one."""
        found = self._anywhere.fullmatch(key)
        return None if found is None else found[1]

    def ours(self, keys: Iterable[str]) -> set[str]:
        """Our keys for those of a dialect's ``keys`` that have a rule."""
        found = (_first(self._read, key) for key in keys)
        return {rule.ours.format(**match.groupdict()) for rule, match in found if rule and match and rule.ours}

    @cached_property
    def _anywhere(self) -> re.Pattern[str]:
        return re.compile(rf"((?:[^.]+\.)*?)(?:{'|'.join(_pattern(rule.theirs) for rule, _ in self._read)})")

    def read(self, tensors: "Mapping[str, Tensor]") -> "tuple[dict[str, Tensor], list[str]]":
        """Tensors under our keys, and the dialect's keys without a rule. Two keys for one of ours are an error."""
        blocks: dict[str, dict[tuple[int, int], Tensor]] = {}
        unknown = []
        for key, tensor in tensors.items():
            rule, found = _first(self._read, key)
            if rule is None or found is None:
                unknown.append(key)
            elif rule.ours is not None and rule.constant is None:
                ours = rule.ours.format(**found.groupdict())
                part, known = rule.part or (0, 1), blocks.setdefault(ours, {})
                if part in known or any(number != part[1] for _, number in known):
                    raise CheckpointError(f"Two keys of the checkpoint, {key!r} among them, stand for {ours!r}.")
                known[part] = rule.layout.read(tensor) if rule.layout else tensor
        return {ours: _join(ours, known) for ours, known in blocks.items()}, unknown

    def write(self, tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
        """Our tensors under the dialect's keys, with its constants. The first rule for a key counts."""
        out: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            rule, found = _first(self._write, key)
            if rule is None or found is None:
                raise CheckpointError(f"This form of checkpoint has no place for {key!r}.")
            rules = [rule] if rule.part is None else [other for other, _ in self._write if other.ours == rule.ours]
            for other in rules:
                block = tensor if other.part is None else tensor.chunk(other.part[1])[other.part[0]]
                theirs = other.theirs.format(**found.groupdict())
                out[theirs] = (other.layout.write(block) if other.layout else block).contiguous()
            for constant, pattern in self._constants:
                if constant.constant is not None and (found := pattern.fullmatch(key)):
                    out[constant.theirs.format(**found.groupdict())] = constant.constant(tensor)
        return out


def check_complete(tensors: "Mapping[str, Tensor]", expected: "Mapping[str, Tensor]", where: str) -> None:
    """Raise one CheckpointError that lists all missing, unused and mis-shaped keys."""
    problems = {
        "missing": [key for key in expected if key not in tensors],
        "unused": [key for key in tensors if key not in expected],
        "mis-shaped": [
            f"{key} (found {tuple(tensors[key].shape)}, expected {tuple(expected[key].shape)})"
            for key in expected
            if key in tensors and tensors[key].shape != expected[key].shape
        ],
    }
    if any(problems.values()):
        listed = "; ".join(f"{len(keys)} {name}: {shorten(keys)}" for name, keys in problems.items() if keys)
        raise CheckpointError(f"{where} does not fit the model. {listed}.")


def shorten(keys: Sequence[str]) -> str:
    """The first few of many keys, for a message."""
    more = f", … and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(f"{key:.{LONGEST}}" for key in keys[:SHOWN]) + more


def _first(rules: Sequence[tuple[Rule, re.Pattern[str]]], key: str) -> tuple[Rule | None, re.Match[str] | None]:
    for rule, pattern in rules:
        if found := pattern.fullmatch(key):
            return rule, found
    return None, None


def _join(key: str, blocks: "Mapping[tuple[int, int], Tensor]") -> "Tensor":
    """Join the blocks of a fused tensor by their parts (k, n), or return the only one itself."""
    import torch

    number = next(iter(blocks))[1]
    if len(blocks) < number or len({block.shape for block in blocks.values()}) != 1:
        raise CheckpointError(f"The parts of {key!r} in the checkpoint are incomplete or of different shapes.")
    return torch.cat([blocks[part] for part in sorted(blocks)]) if number > 1 else blocks[0, 1]


@cache
def _compile(template: str) -> re.Pattern[str]:
    """A template as a regular expression with one named group for each placeholder."""
    return re.compile(_pattern(template, "P<{}>"))


def _pattern(template: str, group: str = ":") -> str:
    pattern = re.escape(template)
    for name, words in PLACEHOLDERS.items():
        pattern = pattern.replace(rf"\{{{name}\}}", f"(?{group.format(name)}{words})")
    return pattern
