"""All that decides what an evaluation predicts."""

import hashlib
from typing import Any

from ..coco.reader import CocoPanoptic
from ..config import Mask2FormerConfig, PostprocessConfig
from ..errors import ConfigError, DatasetError
from ..inference.identity import describe_model
from ..models.mask2former import Mask2Former


def describe_run(model: Mask2Former, config: PostprocessConfig, dataset: CocoPanoptic) -> dict[str, Any]:
    """The model by a digest of weights and architecture, its options, and the dataset by a digest of its JSON.

    Raises:
        ConfigError: no panoptic model.
        DatasetError: the model's classes are not the dataset's.
    """
    check_scorable(model.config, dataset)
    return {
        **describe_model(model, config),
        "device": next(model.parameters()).device.type,
        "compiled": model.compiled,
        "dataset_sha256": hashlib.sha256(dataset.layout.json_path.read_bytes()).hexdigest(),
    }


def check_scorable(config: Mask2FormerConfig, dataset: CocoPanoptic) -> None:
    """Whether a model with ``config`` can be scored on ``dataset``.

    Two category ids that mean different things would give a wrong figure with no error.

    Raises:
        ConfigError: no panoptic model.
        DatasetError: the model's classes are not the dataset's.
    """
    if config.task != "panoptic":
        raise ConfigError(f"Evaluation needs a panoptic model; this one's task is {config.task!r}.")
    known = {category.id: category.name for category in config.categories}
    shared = [category for category in dataset.categories if category.id in known]
    if not shared:
        raise DatasetError(f"{dataset.layout.json_path}: none of its category ids is one of the model's.")
    for category in shared:
        if category.name != known[category.id]:
            raise DatasetError(
                f"{dataset.layout.json_path}: category {category.id} is {category.name!r}, and {known[category.id]!r} "
                "to the model. If they are the same, name them alike: here, or in the model's configuration.json."
            )
