"""How a dialect names the weights of a model: tables of key templates, as data.

A rule is a pair of templates, the dialect's key and ours. The names in braces stand for the words of
:data:`PLACEHOLDERS` and mean the same on both sides, so a table reads both ways.
:mod:`modelscope_swinpan.checkpoints.dialects.keymap` applies it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

PLACEHOLDERS = {
    "a": "qkv|proj",
    "b": r"(?:conv|bn)[123]|downsample\.[01]",
    "i": r"\d{1,4}",
    "j": r"\d{1,4}",
    "c": "1|2|3",
    "e": "swin|model",
    "f": r"(?:self\.)?qkv",
    "k": "1|2",
    "m": "sampling_offsets|attention_weights|value_proj|output_proj",
    "n": "weight|bias|running_mean|running_var",
    "p": "weight|bias",
    "rest": r"[\w.]+",
}


class Layout(NamedTuple):
    """How to reorder a tensor that a dialect stores in another order: ``read`` from the dialect, ``write`` to it."""

    read: "Callable[[Tensor], Tensor]"
    write: "Callable[[Tensor], Tensor]"


@dataclass(frozen=True)
class Rule:
    """One kind of key: the template ``theirs`` and our template ``ours``.

    Args:
        theirs: the dialect's key.
        ours: our key; None drops a key that holds nothing learned.
        layout: how to reorder the tensor.
        part: (k, n) says that theirs is the k-th of n equal blocks of rows of ours, such as the query part of a fused
            projection.
        constant: makes the value of a key that holds nothing learned from the tensor ``ours``, for programs that ask
            for the key. Reading drops it.
    """

    theirs: str
    ours: str | None
    layout: Layout | None = None
    part: tuple[int, int] | None = None
    constant: "Callable[[Tensor], Tensor] | None" = None


@dataclass(frozen=True, kw_only=True)
class BackboneKeys:
    """One dialect's names for the weights of one backbone.

    Args:
        rules: the names that are read and written.
        aliases: other names for the same weights, which are read only.
        entries: makes the dialect's own entries for a backbone's config, for dialects that write such a file.
        fixed: those of the entries that must have this value, because we compute with no other.
    """

    rules: tuple[Rule, ...]
    aliases: tuple[Rule, ...] = ()
    entries: Callable[[Any], Mapping[str, Any]] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
