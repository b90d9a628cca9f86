"""What a model is and how it is used, as frozen dataclasses: architecture, categories, pre- and post-processing.

A backbone's own config is in ``models/backbones``. Values from outside (``configuration.json``, call options) go
through :func:`from_mapping`, whose error for an unknown option names the nearest known one.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, get_type_hints

from .categories import COCO_PANOPTIC, Category, check_categories
from .errors import ConfigError

T = TypeVar("T")

MAX_INPUT_PIXELS = 2**24
"""The largest input of a model, 16 times that of the published ones: larger ones take all of a machine's memory."""

Task = Literal["panoptic", "instance", "semantic"]
"""What a model was trained to predict."""


class BackboneConfig(Protocol):
    """What the rest of the model asks of a backbone's config, a frozen dataclass in ``models/backbones``."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the output maps, finest (stride 4) first."""


@dataclass(frozen=True, kw_only=True)
class PixelDecoderConfig:
    """Multi-scale deformable-attention pixel decoder (Deformable DETR, arXiv 2010.04159)."""

    num_layers: int = 6
    ffn_dim: int = 1024
    num_heads: int = 8
    num_levels: int = 3
    num_points: int = 4


@dataclass(frozen=True, kw_only=True)
class TransformerDecoderConfig:
    """Masked-attention transformer decoder (Mask2Former, arXiv 2112.01527)."""

    num_layers: int = 9
    ffn_dim: int = 2048
    num_heads: int = 8
    num_queries: int = 200


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """Test-time preprocessing: sizes in pixels, ``mean`` and ``std`` of RGB in 0–255.

    A photo is resized with its aspect kept, so that its short side is ``short_side`` or its long side ``long_side``.
    With ``fixed_size`` (height, width) it is resized to that size, whatever its aspect. Without ``resize`` it keeps its
    size. Zeros pad it to multiples of ``size_divisor``.
    """

    short_side: int = 800
    long_side: int = 1333
    fixed_size: tuple[int, ...] = ()
    resize: bool = True
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    size_divisor: int = 32

    def __post_init__(self) -> None:
        for name, most in (("short_side", 65536), ("long_side", 65536), ("size_divisor", 1024)):
            _check_range(name, getattr(self, name), 1, most)
        if self.short_side > self.long_side:
            raise ConfigError(f"short_side ({self.short_side}) must not exceed long_side ({self.long_side}).")
        if len(self.fixed_size) not in (0, 2):
            raise ConfigError(f"fixed_size must hold height and width, or nothing; got {list(self.fixed_size)!r:.80}.")
        for side in self.fixed_size:
            _check_range("fixed_size", side, 1, 65536)
        largest = math.prod(self.fixed_size or (self.short_side, self.long_side))
        if largest > MAX_INPUT_PIXELS:
            raise ConfigError(f"Inputs of {largest:,} pixels are too large; a model takes up to {MAX_INPUT_PIXELS:,}.")
        if self.size_divisor % 32:
            raise ConfigError(
                f"size_divisor must be a multiple of 32, the model's coarsest stride; got {self.size_divisor}."
            )
        for name in ("mean", "std"):
            if len(getattr(self, name)) != 3:
                raise ConfigError(f"{name} must hold three numbers (R, G, B); got {getattr(self, name)!r}.")
        for value in self.mean:  # so that normalised values are finite; no comparison holds for NaN
            _check_range("mean", value, -1e6, 1e6)
        for value in self.std:
            _check_range("std", value, 1e-6, 1e6)


def _threshold(default: float, text: str) -> Any:
    """A threshold P between 0 and 1, which the command line and the pipeline then take. ``text`` says what P does."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class PostprocessConfig:
    """Thresholds P of the fusion (0–1), and two options without a threshold.

    With ``filter_low_score``, pixels whose own mask is under 0.5 are void. An instance result has ``max_instances`` at
    most.
    """

    object_mask_threshold: float = _threshold(0.8, "Drop a query whose class probability is P or less.")
    overlap_threshold: float = _threshold(0.8, "Drop a segment if stronger ones cover more than 1 - P of its mask.")
    filter_low_score: bool = True
    instance_threshold: float = _threshold(0.5, "Drop an instance whose score is below P.")
    max_instances: int = 100

    def __post_init__(self) -> None:
        for threshold in thresholds():
            _check_range(threshold.name, getattr(self, threshold.name), 0, 1)
        _check_range("max_instances", self.max_instances, 1, 100_000)


def thresholds() -> "list[dataclasses.Field[float]]":
    """The thresholds of :class:`PostprocessConfig`: name, default, and under ``metadata['help']`` what each does."""
    return [option for option in dataclasses.fields(PostprocessConfig) if "help" in option.metadata]


@dataclass(frozen=True, kw_only=True)
class Mask2FormerConfig:
    """A whole model: its parts, its task and classes, and its pre- and post-processing."""

    backbone: BackboneConfig
    hidden_dim: int = 256
    pixel_decoder: PixelDecoderConfig = field(default_factory=PixelDecoderConfig)
    transformer_decoder: TransformerDecoderConfig = field(default_factory=TransformerDecoderConfig)
    task: Task = "panoptic"
    categories: tuple[Category, ...] = COCO_PANOPTIC
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    postprocess: PostprocessConfig = field(default_factory=PostprocessConfig)

    def __post_init__(self) -> None:
        check_categories(self.categories)

    @property
    def num_classes(self) -> int:
        """K, without the no-object class, which comes last in the class logits."""
        return len(self.categories)


def from_mapping(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build the frozen dataclass ``kind`` from outside values.

    ``where`` names their origin in messages, such as ``configuration.json: preprocessor``.

    Raises:
        ConfigError: an unknown option (the nearest known one is named), a value of the wrong type or out of range.
    """
    hints = get_type_hints(kind)
    check_names(values, hints, where)
    required = [
        option.name
        for option in dataclasses.fields(kind)  # type: ignore[arg-type]
        if option.default is option.default_factory is dataclasses.MISSING and option.name not in values
    ]
    if required:
        raise ConfigError(f"{where}: {', '.join(required)} must be given.")
    converted = {name: _convert(value, hints[name], f"{where}: {name}") for name, value in values.items()}
    try:
        return kind(**converted)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def replace(config: T, values: Mapping[str, Any], where: str) -> T:
    """Copy a frozen dataclass with some fields changed, by the rules of :func:`from_mapping`."""
    return from_mapping(type(config), {**vars(config), **values}, where)


_LONGEST_NAME = 80  # characters of an unknown name that a message shows


def check_names(names: Iterable[str], known: Iterable[str], where: str, what: str = "option") -> None:
    """Raise a ConfigError for the first of ``names`` not in ``known``, naming the nearest and all known ones.

    ``where`` names their origin, and ``what`` what they are names of.
    """
    known = sorted(known)
    for name in names:
        if name not in known:
            name = str(name)
            # Long names are not compared: the time grows with the square of their length.
            close = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_NAME else []
            hint = f" Did you mean {close[0]!r}?" if close else ""
            shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
            raise ConfigError(f"{where}: unknown {what} {shown!r}.{hint} Known {what}s: {', '.join(known)}.")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must lie between {low} and {high}; got {value!r}.")


def _convert(value: Any, hint: Any, where: str) -> Any:
    """``value`` as the annotated type. Only JSON's lists become tuples and its integers floats."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023:
        return float(value)
    if hint in (int, float, bool, str):
        if type(value) is hint:
            return value
        raise ConfigError(f"{where} must be {hint.__name__}; got {value!r} ({type(value).__name__}).")
    if isinstance(value, list | tuple):
        inner = hint.__args__[0]
        return tuple(_convert(item, inner, where) for item in value)
    raise ConfigError(f"{where} must be a list; got {value!r} ({type(value).__name__}).")
