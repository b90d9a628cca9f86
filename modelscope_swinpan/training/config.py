"""How a model is trained: the options of a run."""

from dataclasses import dataclass, field

from ..errors import ConfigError
from .augment import AugmentConfig

SCHEDULES = ("step", "cosine")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The options of a run. Learning rates, decay and clipping default to upstream's.

    ``batch_size`` images make one step, whatever the number of processes and of parts (``accumulate``) they are worked
    on in. The learning rate rises over ``warmup`` steps; then it falls to a tenth after each of ``milestones`` (0–1, of
    the run), or along a cosine to 0. The backbone's is multiplied by ``backbone_multiplier``. With ``muon`` above 0 the
    matrices within the network learn by Muon instead of AdamW, at so many times the rate: a model that starts from
    nothing needs about half the steps. ``clip`` is the largest
    norm of the whole gradient. ``ema`` (0–1, 0: off) keeps a running mean of the weights, which is then what is
    evaluated and saved. ``bfloat16`` computes the network, not the losses, at half precision. ``checkpointing`` saves
    memory: the network's layers are computed again for the gradient. ``drop_path`` (0–1) leaves out parts of a Swin's
    last block so often, and less of earlier ones. ``freeze`` names parts of the model that stay as they are, and
    ``frozen_stages`` counts stages of a Swin, its first convolution among the first. ``seed`` decides all randomness.

    ``workers`` are processes that read data. Logs, checkpoints and evaluations come every so many steps (0 evaluations:
    only at the end; else also before the first).
    """

    steps: int = 10_000
    batch_size: int = 16
    accumulate: int = 1
    learning_rate: float = 1e-4
    backbone_multiplier: float = 0.1
    muon: float = 0.0
    weight_decay: float = 0.05
    schedule: str = "step"
    milestones: tuple[float, ...] = (0.889, 0.963)
    warmup: int = 10
    clip: float = 0.01
    ema: float = 0.0
    bfloat16: bool = False
    checkpointing: bool = False
    drop_path: float = 0.0
    freeze: tuple[str, ...] = ()
    frozen_stages: int = 0
    seed: int = 0
    workers: int = 2
    log_every: int = 50
    checkpoint_every: int = 1000
    evaluate_every: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "log_every", "checkpoint_every"):
            _at_least(name, getattr(self, name), 1)
        for name in (
            "warmup",
            "frozen_stages",
            "seed",
            "workers",
            "evaluate_every",
            "weight_decay",
            "backbone_multiplier",
            "muon",
        ):
            _at_least(name, getattr(self, name), 0)
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0; got {getattr(self, name)}.")
        for name in ("ema", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 0 and below 1; got {getattr(self, name)}.")
        if self.schedule not in SCHEDULES:
            raise ConfigError(f"schedule must be one of {', '.join(SCHEDULES)}; got {self.schedule!r}.")
        if self.batch_size % self.accumulate:
            raise ConfigError(f"accumulate ({self.accumulate}) must divide batch_size ({self.batch_size}).")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the run, ``share`` of all steps in proportion to the other phases', and how its samples are made."""

    share: float = 1.0
    augment: AugmentConfig = field(default_factory=AugmentConfig)


def _at_least(name: str, value: float, low: float) -> None:
    if value < low:
        raise ConfigError(f"{name} must be at least {low}; got {value!r}.")
