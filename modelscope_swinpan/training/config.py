"""The options of a training run: its steps, its samples and its losses."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..config import MAX_INPUT_PIXELS
from ..errors import ConfigError

SCHEDULES = ("step", "cosine")
MAX_SEED = 2**64 - 1  # of PyTorch's generators
MAX_SCALE = 100.0


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The options of the training loop. The learning rate, its decay and the clipping default to upstream's.

    Raises:
        ConfigError: an option is out of range, or ``accumulate`` does not divide ``batch_size``.
    """

    steps: int = 10_000  #: updates of the weights
    batch_size: int = 16  #: images per step, over all processes and accumulated parts
    accumulate: int = 1  #: parts that each process computes one after the other, to save memory
    learning_rate: float = 1e-4  #: the highest one, reached after the warm-up
    backbone_multiplier: float = 0.1  #: the backbone's learning rate, as a multiple of the others'
    #: Above 0, the matrices inside the network learn with Muon instead of AdamW, at ``muon`` times the learning rate.
    #: A model that starts from random weights then needs about half the steps.
    muon: float = 0.0
    weight_decay: float = 0.05  #: norms and embeddings have none
    schedule: str = "step"  #: "step" divides the rate by ten at each milestone, "cosine" lowers it to 0
    milestones: tuple[float, ...] = (0.889, 0.963)  #: fractions of the run
    warmup: int = 10  #: steps in which the learning rate rises from 0
    clip: float = 0.01  #: the largest norm of the whole gradient
    ema: float = 0.0  #: decay (0–1) of a moving average of the weights, which is then evaluated and saved; 0 is off
    bfloat16: bool = False  #: compute the network, but not the losses, in bfloat16
    checkpointing: bool = False  #: recompute the layers for the gradient, to save memory
    #: Probability (0–1) of dropping a residual branch in the backbone's last block, less in earlier blocks. Above 0, it
    #: needs a backbone that names its branches.
    drop_path: float = 0.0
    freeze: tuple[str, ...] = ()  #: names of parts of the model that stay as they are
    frozen_stages: int = 0  #: first stages that stay as they are, of a backbone that names its stages
    seed: int = 0  #: decides all that is random
    workers: int = 2  #: processes that read data
    tolerate: int = 5  #: damaged photos that are left out; more of them end the run
    log_every: int = 50  #: steps between lines of the log
    checkpoint_every: int = 1000  #: steps between checkpoints
    evaluate_every: int = 0  #: steps between evaluations, the first before training; 0 evaluates only at the end

    def __post_init__(self) -> None:
        at_least_1 = "steps batch_size accumulate log_every checkpoint_every"
        at_least_0 = "warmup frozen_stages workers tolerate evaluate_every weight_decay backbone_multiplier muon"
        _require(self, at_least_1, lambda value: value >= 1, "be at least 1")
        _require(self, at_least_0, lambda value: value >= 0, "be at least 0")
        _require(self, "seed", lambda value: 0 <= value <= MAX_SEED, f"lie between 0 and {MAX_SEED}")
        _require(self, "clip", lambda value: value > 0, "be above 0")
        _require(self, "learning_rate", lambda value: 0 < value < math.inf, "be above 0, and finite")
        _require(self, "milestones", lambda value: all(0 <= at <= 1 for at in value), "hold fractions of the run, 0–1")
        _require(self, "ema drop_path", lambda value: 0 <= value < 1, "be at least 0 and below 1")
        _require(self, "schedule", lambda value: value in SCHEDULES, f"be one of {', '.join(SCHEDULES)}")
        if self.batch_size % self.accumulate:
            raise ConfigError(f"accumulate ({self.accumulate}) must divide batch_size ({self.batch_size}).")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How training samples are made of images. Defaults: upstream's.

    An image is resized to fit into ``size`` times a random factor from the range ``scale``, with its proportions kept.
    Then it is cropped and padded to ``size``.

    Raises:
        ConfigError: an option is out of range.
    """

    size: tuple[int, int] = (1024, 1024)  #: (height, width) of a sample, in pixels
    scale: tuple[float, float] = (0.1, 2.0)  #: the range of the random factor
    flip: float = 0.5  #: probability (0–1) of swapping left and right
    color: float = 0.0  #: probability (0–1) of changing brightness, contrast, saturation and hue, each at random

    def __post_init__(self) -> None:
        _require(
            self,
            "size",
            lambda size: len(size) == 2 and min(size) >= 1 and math.prod(size) <= MAX_INPUT_PIXELS,
            f"hold a height and a width of at least 1 pixel, and of up to {MAX_INPUT_PIXELS:,} pixels together",
        )
        _require(
            self,
            "scale",
            lambda scale: len(scale) == 2 and 0 < scale[0] <= scale[1] <= MAX_SCALE,
            f"hold two factors above 0 and up to {MAX_SCALE:g}, the smaller first",
        )
        _require(self, "flip color", lambda value: 0 <= value <= 1, "lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the run with its own samples. Its ``share`` of the steps is relative to the other phases' shares."""

    share: float = 1.0
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True, kw_only=True)
class CriterionConfig:
    """Weights and points of the losses. Defaults: upstream's.

    Raises:
        ConfigError: an option is out of range.
    """

    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0
    no_object_weight: float = 0.1  # of the no-object class within the class loss
    num_points: int = 12544  # points per mask at which the mask losses are computed
    oversample: float = 3.0  # random candidates per point
    importance: float = 0.75  # fraction (0–1) of points chosen among the candidates where the mask is uncertain

    def __post_init__(self) -> None:
        _require(self, "num_points oversample", lambda value: value >= 1, "be at least 1")
        _require(self, "importance", lambda value: 0 <= value <= 1, "lie between 0 and 1")
        weights = "class_weight mask_weight dice_weight no_object_weight"
        _require(self, weights, lambda value: value >= 0, "be at least 0")


def _require(options: Any, names: str, holds: Callable[[Any], bool], expected: str) -> None:
    """Raise a :class:`ConfigError` for the first option in ``names`` whose value does not hold."""
    for name in names.split():
        if not holds(value := getattr(options, name)):
            raise ConfigError(f"{name} must {expected}; got {value!r}.")
