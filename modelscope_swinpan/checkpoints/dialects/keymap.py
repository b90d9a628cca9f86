"""Key maps between dialects: rules as data, applied strictly, every key used exactly once.

A rule is a pair of key templates, the dialect's and ours. The names in braces stand for the words of
:data:`PLACEHOLDERS` and mean the same on both sides, so that a table reads both ways.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import CheckpointError

PLACEHOLDERS = {
    "i": r"\d{1,4}",
    "j": r"\d{1,4}",
    "c": "1|2|3",
    "f": r"(?:self\.)?qkv",
    "k": "1|2",
    "m": "sampling_offsets|attention_weights|value_proj|output_proj",
    "n": "weight|bias|running_mean|running_var",
    "p": "weight|bias",
    "rest": r"[\w.]+",
}
SHOWN = 8


class Layout(NamedTuple):
    """How to reorder a tensor where a dialect stores it otherwise: from the dialect, and back to it."""

    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Rule:
    """``theirs`` and ``ours`` are key templates; ``ours`` None drops a key that holds nothing learned.

    ``part`` (k, n) says that theirs is the k-th of n equal blocks of rows of ours, such as the query part of a fused
    projection.
    """

    theirs: str
    ours: str | None
    layout: Layout | None = None
    part: tuple[int, int] | None = None


class KeyMap:
    """A table of rules, compiled. ``aliases`` are other spellings of the same keys: read, but never written."""

    def __init__(self, rules: Sequence[Rule], aliases: Sequence[Rule] = ()) -> None:
        self._read = [(rule, _compile(rule.theirs)) for rule in (*rules, *aliases)]
        self._write = [(rule, _compile(rule.ours)) for rule in rules if rule.ours is not None]

    def knows(self, key: str) -> bool:
        """Whether a rule is there for a dialect's key."""
        return any(pattern.fullmatch(key) for _, pattern in self._read)

    def read(self, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        """Tensors under our keys, and the keys that no rule knows.

        Raises:
            CheckpointError: two keys stand for one of ours, or parts of one do not fit together.
        """
        out: dict[str, Tensor] = {}
        parts: dict[str, dict[int, Tensor]] = {}
        unknown = []
        for key, tensor in tensors.items():
            rule, found = _first(self._read, key)
            if rule is None or found is None:
                unknown.append(key)
            elif rule.ours is not None:
                ours = rule.ours.format(**found.groupdict())
                tensor = rule.layout.read(tensor) if rule.layout else tensor
                place, index = (parts.setdefault(ours, {}), rule.part[0]) if rule.part else (out, ours)
                if index in place or (rule.part and ours in out):
                    raise CheckpointError(f"Two keys of the checkpoint, {key!r} among them, stand for {ours!r}.")
                place[index] = tensor  # type: ignore[index]
        out.update({ours: _join(ours, blocks) for ours, blocks in parts.items()})
        return out, unknown

    def write(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of ours under the dialect's keys: the first rules that lead to a key of ours are taken back.

        Raises:
            CheckpointError: the dialect has no place for one of them.
        """
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
        return out


def check_complete(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """Raise one CheckpointError that lists every missing, unused and mis-shaped key."""
    shaped = [
        f"{key} (found {tuple(tensors[key].shape)}, expected {tuple(expected[key].shape)})"
        for key in expected
        if key in tensors and tensors[key].shape != expected[key].shape
    ]
    problems = {
        "missing": [key for key in expected if key not in tensors],
        "unused": [key for key in tensors if key not in expected],
        "mis-shaped": shaped,
    }
    if any(problems.values()):
        listed = "; ".join(f"{len(keys)} {name}: {shorten(keys)}" for name, keys in problems.items() if keys)
        raise CheckpointError(f"{where} does not fit the model. {listed}.")


def shorten(keys: Sequence[str]) -> str:
    """The first few of many keys, for a message."""
    more = f", … and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more


def _first(rules: Sequence[tuple[Rule, re.Pattern[str]]], key: str) -> tuple[Rule | None, re.Match[str] | None]:
    for rule, pattern in rules:
        found = pattern.fullmatch(key)
        if found:
            return rule, found
    return None, None


def _join(key: str, blocks: Mapping[int, Tensor]) -> Tensor:
    """The blocks of a fused tensor, in order."""
    if sorted(blocks) != list(range(len(blocks))) or len({block.shape for block in blocks.values()}) != 1:
        raise CheckpointError(f"The parts of {key!r} in the checkpoint are incomplete or of different shapes.")
    return torch.cat([blocks[index] for index in sorted(blocks)])


def _compile(template: str) -> re.Pattern[str]:
    """A template as a regular expression with one named group for each placeholder."""
    pattern = re.escape(template)
    for name, words in PLACEHOLDERS.items():
        pattern = pattern.replace(rf"\{{{name}\}}", f"(?P<{name}>{words})")
    return re.compile(pattern)
