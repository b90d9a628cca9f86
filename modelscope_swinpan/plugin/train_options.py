"""The options of a training run: the entry ``train`` of ModelScope's configuration.

They are the fields of :class:`~modelscope_swinpan.training.config.TrainConfig`, and

* ``max_epochs``: the number of passes over the data, instead of ``steps``,
* ``augment``: an object with options of :class:`~modelscope_swinpan.training.config.AugmentConfig`,
* ``work_dir``: the folder of the run.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelscope.utils.config import Config
from modelscope.utils.logger import get_logger

from ..config import check_names, from_mapping
from ..errors import ConfigError
from ..training.config import AugmentConfig, TrainConfig

TRAIN = "train"
NAMES = (*(field.name for field in dataclasses.fields(TrainConfig)), "augment", "max_epochs", "work_dir")

_logger = get_logger()


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The parsed options."""

    config: TrainConfig
    augment: AugmentConfig
    max_epochs: int | None
    work_dir: Path

    def config_for(self, images: int) -> TrainConfig:
        """The options of a run on this number of images."""
        if self.max_epochs is None:
            return self.config
        steps = math.ceil(self.max_epochs * images / self.config.batch_size)
        return dataclasses.replace(self.config, steps=max(1, steps))


def read_options(configuration: Config, changes: Mapping[str, Any]) -> TrainOptions:
    """The options of a configuration; ``changes``, the trainer's own arguments, take precedence.

    Raises:
        ConfigError: an unknown option, the wrong type or range, or both ``steps`` and ``max_epochs``.
    """
    options = {**configuration.to_dict().get(TRAIN, {}), **changes}
    check_names(options, NAMES, TRAIN)
    if "steps" in options and "max_epochs" in options:
        raise ConfigError("Give either steps or max_epochs, not both: each sets the length of the training.")
    augment, epochs, work_dir = options.pop("augment", {}), options.pop("max_epochs", None), options.pop("work_dir", "")
    if epochs is not None and (type(epochs) is not int or epochs < 1):
        raise ConfigError(f"max_epochs must be a whole number of at least 1; got {epochs!r}.")
    if not isinstance(augment, Mapping):
        raise ConfigError(f'{TRAIN}.augment must hold options, as in {{"size": [512, 512]}}; got {augment!r:.80}.')
    return TrainOptions(
        config=from_mapping(TrainConfig, options, TRAIN),
        augment=from_mapping(AugmentConfig, augment, f"{TRAIN}.augment"),
        max_epochs=epochs,
        work_dir=Path(work_dir or "work_dir"),
    )


def modify(configuration: Config, function: Callable[[Config], Config] | None) -> Config:
    """Apply the user's ``cfg_modify_fn`` to a configuration.

    Raises:
        ConfigError: it returns something else, or changed an entry other than ``train``.
    """
    if function is None:
        return configuration
    if TRAIN not in configuration:
        configuration[TRAIN] = {}
    before = configuration.to_dict()
    modified = function(configuration)
    if not isinstance(modified, Config):
        raise ConfigError(
            f"cfg_modify_fn must return the configuration that it was given; it returned {type(modified).__name__}."
        )
    after = modified.to_dict()
    changed = [name for name in {**before, **after} if name != TRAIN and before.get(name) != after.get(name)]
    if changed:
        raise ConfigError(
            f"cfg_modify_fn changed {', '.join(changed)}, but it may change only train. Change other entries in the "
            "model directory's configuration.json."
        )
    return modified


def without_foreign(configuration: Config) -> Config:
    """A model's configuration, without its ``train`` if that was made for another trainer."""
    if foreign := sorted(set(configuration.get(TRAIN, {})) - set(NAMES)):
        _logger.info(
            "Ignoring train in the model's configuration: it was made for another trainer (%s).", ", ".join(foreign)
        )
        configuration.pop(TRAIN)
    return configuration
