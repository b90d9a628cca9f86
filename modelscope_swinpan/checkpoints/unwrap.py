"""The weights of a Mask2Former among all that training code saves: containers, wrappers, copies, counters, losses.

A file holds state dicts, under any name and as deep as they like. In a state dict the weights may have a prefix, which
wrappers leave (``module.``) or the name of an attribute (``student.``). So a model is found by the rest of its keys,
which a dialect knows. Where a file holds several models, one is chosen by the rules of :func:`_choose`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from ..models.backbones import BACKBONES
from .dialects import DIALECTS, Dialect
from .dialects.keymap import KeyMap, shorten
from .dialects.registry import check_keys, unknown_dialect
from .files.io import check_tensors
from .files.source import Source

CONTAINERS = ("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network", "weights", "params")
"""Usual names of state dicts, in the order in which they are preferred."""

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of keys that PyTorch's wrappers add, at any depth. No dialect has them."""

ORDINARY = {*CONTAINERS, *WRAPPERS}
"""Names that do not tell one model from another."""

AVERAGED = re.compile(r"(?<![a-z])(?:ema|swa|averaged?)(?![a-z])", re.IGNORECASE)
"""Names of moving averages of weights."""

COPIES = (("ema_", "_"), ("model_ema.", ""))
"""How averages are kept beside the weights: a lead, and what stands for the dots of a key (mmcv's hook, LitEma)."""

STRAY = re.compile(
    r"(?:.+\.)?(?:(?:criterion|loss\w*|\w+_loss)\..+|data_preprocessor\.\w+|pixel_(?:mean|std)"
    r"|_extra_state|n_averaged|num_batches_tracked|epoch|iter(?:ation)?|(?:global_)?steps?|num_updates|decay)"
)
"""What training leaves in a state dict and a model does not need."""

MAX_DEPTH, MAX_STATE_DICTS, MAX_KEYS, MAX_PARTS, MAX_GUESSES = 4, 8, 20_000, 24, 32
"""Bounds of the search: of containers in one another, state dicts, keys of one, parts of a key, pairs of a prefix and a
dialect. Two full-size models with averages have 4,000 keys of 9 parts."""
NEEDED = ("pixel_decoder.level_embed", "transformer_decoder.class_head.bias")
"""Weights that every model has, beside its backbone's marker."""


@dataclass(frozen=True)
class Weights:
    """One model's weights under the keys of its dialect.

    Args:
        dialect: the one that knows all keys.
        tensors: the weights.
        meta: in which frameworks leave notes.
        where: the file and the place in it, for messages.
        place: the place in the file: names of containers and prefix, joined by dots. Empty for a plain file.
        left_out: what else the file holds of models, one entry per group.
        remarks: one sentence, if a prefix was stripped or something left out.
    """

    dialect: Dialect
    tensors: dict[str, Tensor]
    meta: Mapping[str, Any]
    where: str
    place: str = ""
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _StateDict:
    """A mapping with tensors in it, by the ``path`` of names that leads to it."""

    path: tuple[str, ...]
    entries: Mapping[str, Any]

    @property
    def rank(self) -> tuple[int, int]:
        """What is looked at first: usual names, then many entries."""
        first = self.path[0] if self.path else "state_dict"
        return CONTAINERS.index(first) if first in CONTAINERS else len(CONTAINERS), -len(self.entries)


@dataclass(frozen=True, eq=False)
class _Network:
    """A model in a state dict: the place of each of its weights, by the dialect's key."""

    owner: _StateDict
    dialect: Dialect
    prefix: str
    keys: dict[str, str] = field(repr=False)
    complete: bool

    @property
    def place(self) -> str:
        """Where it is, in full."""
        return ".".join((*self.owner.path, self.prefix)).strip(".")

    @property
    def name(self) -> str:
        """What tells it from others; empty if only ordinary names lead to it."""
        return ".".join(part for part in self.place.split(".") if part not in ORDINARY)


def unwrap(source: Source, where: str, network: str | None = None) -> Weights:
    """The weights of the model in a file, or of the one called ``network`` if it holds several.

    Raises:
        CheckpointError: there are no weights, or several models to choose from; the chosen one is not there; a weight
            is no dense tensor; no dialect knows the weights, or not all of those below one prefix.
    """
    found = sorted(_state_dicts(source.content), key=lambda state_dict: state_dict.rank)
    if found and all(len(state_dict.entries) > MAX_KEYS for state_dict in found):
        raise CheckpointError(f"{where} holds {len(found[0].entries):,} weights; a model has up to {MAX_KEYS:,}.")
    found = [state_dict for state_dict in found if len(state_dict.entries) <= MAX_KEYS][:MAX_STATE_DICTS]
    if not found:
        held = ", ".join(f"{name!s:.40}" for name in list(source.content)[:8]) or "nothing"
        raise CheckpointError(f"{where} holds no state_dict. Found: {held}.")
    guesses = [guess for state_dict in found for guess in _networks(state_dict)]
    if not guesses:
        raise unknown_dialect([str(key) for key, value in found[0].entries.items() if isinstance(value, Tensor)], where)
    networks = [guess for guess in guesses if guess.complete] or guesses[:1]
    chosen = _choose(networks, network, where)
    tensors = {key: chosen.owner.entries[place] for key, place in chosen.keys.items()}
    left_out = _left_out(chosen, networks)
    remark = _remark(chosen, networks, left_out, where)
    place = f"{where} ({chosen.place})" if chosen.prefix else where
    weights = check_tensors(tensors, place)
    check_keys(chosen.dialect, weights, place)
    return Weights(chosen.dialect, weights, source.meta, place, chosen.place, left_out, remark)


def _state_dicts(content: Mapping[str, Any]) -> Iterator[_StateDict]:
    """The mappings in ``content`` that hold tensors. Each is visited once, however often the file repeats it."""
    level: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), content)]
    seen = {id(content)}
    for _ in range(MAX_DEPTH):
        below = []
        for path, mapping in level:
            if any(isinstance(value, Tensor) for value in mapping.values()):
                yield _StateDict(path, mapping)
            for name, value in mapping.items():
                if isinstance(value, Mapping) and isinstance(name, str) and id(value) not in seen:
                    seen.add(id(value))
                    below.append(((*path, name), value))
        level = below


def _networks(owner: _StateDict) -> list[_Network]:
    """The models in a state dict. If there is none, the best guess: an error while it is read tells what is wrong."""
    entries = {key: value for key, value in owner.entries.items() if isinstance(key, str)}
    names = {_bare(key): key for key in entries}
    if len(names) < len(entries):  # weights with and without a wrapper's part
        names = {key: key for key in entries}
    dialects = list(DIALECTS.values())
    keymaps = [dialect.keymap for dialect in dialects]
    votes: Counter[tuple[str, int]] = Counter()
    for name in {_kind(name): name for name in names}.values():
        for index, keymap in enumerate(keymaps):
            if name.count(".") < MAX_PARTS and (prefix := keymap.prefix(name)) is not None:
                votes[prefix, index] += 1
    ranked = [guess for guess, count in votes.most_common(MAX_GUESSES) if 2 * count >= max(votes.values())]
    whole = [(prefix, index) for prefix, index in ranked if _is_complete(prefix, keymaps[index], names)]
    best: dict[str, int] = {}
    for prefix, index in whole or ranked[:1]:
        best.setdefault(prefix, index)
    found = []
    for prefix, index in best.items():
        dialect, keymap = dialects[index], keymaps[index]
        others = tuple(other for other in best if other.startswith(prefix) and other != prefix)
        copies = list(_copies(prefix, keymap, names))
        copied = {place for _, keys in copies for place in keys.values()}
        own = {
            name.removeprefix(prefix): key
            for name, key in names.items()
            if name.startswith(prefix) and not name.startswith(others) and key not in copied
        }
        keys = {name: key for name, key in own.items() if keymap.knows(name) or not _is_stray(name, owner.entries[key])}
        found.append(_Network(owner, dialect, _original(prefix, own), keys, bool(whole)))
        found += [_Network(owner, dialect, lead, {**keys, **places}, bool(whole)) for lead, places in copies]
    return found


def _kind(name: str) -> str:
    """The same for a weight of all layers: only the first parts, which may be a prefix, keep their numbers."""
    parts = name.split(".")
    return ".".join(parts[:3] + ["#" if part.isdecimal() else part for part in parts[3:]])


def _bare(key: str) -> str:
    """A key without the parts that wrappers add."""
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


def _original(prefix: str, own: Mapping[str, str]) -> str:
    """The prefix as the file has it, with what wrappers add before all keys."""
    name, key = next(iter(own.items()))
    return key.removesuffix(name) if key.endswith(name) else prefix


def _is_complete(prefix: str, keymap: KeyMap, names: Mapping[str, str]) -> bool:
    """Whether a dialect finds the main parts of a model under ``prefix``."""
    ours = keymap.ours(name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return ours.issuperset(NEEDED) and any(backbone.marker in ours for backbone in BACKBONES.values())


def _copies(prefix: str, keymap: KeyMap, names: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Moving averages of the weights under ``prefix``, whose keys have lost their dots: lead, and place by key."""
    known = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    parent = prefix.rpartition(".")[0].rpartition(".")[0]
    for base in dict.fromkeys((prefix, parent and f"{parent}.")):
        for lead, dot in COPIES:
            places = {name: base + lead + name.replace(".", dot) for name in known if keymap.knows(name)}
            if held := {name: names[place] for name, place in places.items() if place in names}:
                yield base + lead.rstrip("._"), held


def _is_stray(name: str, value: Any) -> bool:
    """Whether an entry among weights holds nothing that a model has learned."""
    if not isinstance(value, Tensor):
        return True
    return STRAY.fullmatch(name) is not None or (value.numel() <= 1 and not value.is_floating_point())


def _choose(networks: Sequence[_Network], wanted: str | None, where: str) -> _Network:
    """The model called ``wanted``. By default, the one that only ordinary names lead to.

    If there is no such model, it is the only one that is no moving average.
    """
    names = ", ".join(dict.fromkeys(network.name or network.place or "(the rest)" for network in networks))
    if wanted is not None:
        for network in networks:
            if wanted in (network.name, network.place):
                return network
        raise CheckpointError(f"{where} has no network {wanted!r:.80}. It holds: {names}.")
    plain = [network for network in networks if not network.name]
    own = [network for network in networks if not AVERAGED.search(network.name)]
    if plain or len(own or networks) == 1:
        return (plain or own or networks)[0]
    raise CheckpointError(
        f"{where} holds several models: {names}. Choose one: set model.network in configuration.json, or pass "
        f"load_model(…, network={(own or networks)[0].name!r}), or write it alone with swinpan convert --network."
    )


def _left_out(chosen: _Network, networks: Sequence[_Network]) -> tuple[str, ...]:
    """What is left of the chosen model's state dict, and the other models of the file, one entry per group."""
    used = {place for network in networks for place in network.keys.values()}
    others = [f"{network.place or 'the rest'} (another model)" for network in networks if network is not chosen]
    groups: dict[str, list[str]] = {}
    for key in chosen.owner.entries:
        if isinstance(key, str) and key not in used and not isinstance(chosen.owner.entries[key], Mapping):
            groups.setdefault(key.removeprefix(chosen.prefix).lstrip(".").partition(".")[0], []).append(key)
    rest = [keys[0] if len(keys) == 1 else f"{name}.* ({len(keys)} entries)" for name, keys in groups.items()]
    return (*others, *rest)


def _remark(chosen: _Network, networks: Sequence[_Network], left_out: Sequence[str], where: str) -> tuple[str, ...]:
    """What was stripped or left out, in one sentence; none for a plain file."""
    inside = {part for key, place in chosen.keys.items() for part in place.split(".") if part not in key.split(".")}
    inside -= set(chosen.prefix.split("."))
    if not chosen.prefix and not left_out and not inside:
        return ()
    said = [f"{where}: taking the weights"]
    if chosen.place:
        said.append(f"under {chosen.place!r:.200}")
    if inside & WRAPPERS:
        said.append(f"without {', '.join(sorted(inside & WRAPPERS))} in their keys")
    if left_out:
        said.append(f"and leaving out {shorten(left_out)}")
    choice = "" if len(networks) == 1 else " For another model set model.network in configuration.json."
    return (" ".join(said) + "." + choice,)
