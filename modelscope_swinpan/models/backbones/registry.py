"""What the package needs to know about a backbone, and the backbones it knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ...config import BackboneConfig
from ...errors import ConfigError
from ...registry import Registry
from ..keys import BackboneKeys

MAX_LAYERS = 100
"""Most layers of a kind: a damaged file with thousands would take minutes to build and then lack most weights."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """Everything that is particular to one backbone. The functions after ``keys`` take the backbone's module.

    Args:
        name: short name, such as 'swin'.
        title: name for people.
        citation: the paper, as BibTeX, for the model card.
        config: the frozen dataclass of its sizes.
        build: makes the module from a config. The module takes pixels (B, 3, H, W) and returns feature maps
            (B, C, h, w) of strides 4, 8, 16 and 32, with ``config.channels``.
        marker: one of our keys that only this backbone has.
        from_weights: reads the config off the shapes of the weights, under our keys, given a value for each of
            ``options``. May raise KeyError, IndexError, ValueError or ZeroDivisionError for weights that do not fit.
        options: the fields of the config that no shape tells, with their usual values (bool or int).
        summary: a config in a few words, for ``swinpan inspect`` and the model card.
        tag: the backbone's name on ModelScope's hub; ``name`` if None.
        model_type: the model type in ``configuration.json``, one that the plugin registers with ModelScope.
        keys: its key table in each dialect that can hold it, by the dialect's name. Our own dialect needs none.
        layers: the layers that repeat. They are compiled and recomputed one by one.
        stages: the modules of each stage, first stage first, for the option ``frozen_stages``, which needs them.
        branches: the residual branches of each block, first block first, for drop path.
        initialize: gives the weights random values to start training from; None if it needs a checkpoint.
    """

    name: str
    title: str
    citation: str
    config: type[Any]
    build: Callable[[Any], nn.Module]
    marker: str
    from_weights: Callable[[Mapping[str, Tensor], Mapping[str, Any]], BackboneConfig]
    summary: Callable[[Any], str]
    options: Mapping[str, bool | int] = field(default_factory=dict)
    tag: Callable[[Any], str] | None = None
    model_type: str = "swinL-panoptic-segmentation"
    keys: Mapping[str, BackboneKeys] = field(default_factory=dict)
    layers: Callable[[Any], Sequence[nn.Module]] = lambda module: ()
    stages: Callable[[Any], Sequence[Sequence[nn.Module]]] = lambda module: ()
    branches: Callable[[Any], Sequence[Sequence[nn.Module]]] = lambda module: ()
    initialize: Callable[[Any], None] | None = None


BACKBONES: Registry[Backbone] = Registry()


def backbone_of(config: BackboneConfig) -> Backbone:
    """The backbone that a config belongs to.

    Raises:
        ConfigError: it belongs to none that is registered.
    """
    for backbone in BACKBONES.values():
        if backbone.config is type(config):
            return backbone
    known = ", ".join(backbone.config.__name__ for backbone in BACKBONES.values())
    raise ConfigError(f"No backbone takes a {type(config).__name__}. Known configs: {known}.")


def count_layers(tensors: Mapping[str, Tensor], template: str) -> int:
    """Count the keys ``template.format(0)``, ``template.format(1)``, … up to the first that is missing.

    Raises:
        ValueError: there are more than :data:`MAX_LAYERS`.
    """
    for number in range(MAX_LAYERS):
        if template.format(number) not in tensors:
            return number
    raise ValueError(f"more than {MAX_LAYERS} layers of a kind")
