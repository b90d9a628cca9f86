"""All that decides what an evaluation predicts: a run that goes on must be the same one."""

import dataclasses
import hashlib
from importlib import metadata
from typing import Any

import torch

from ..config import PostprocessConfig
from ..data.coco_reader import CocoPanoptic
from ..errors import ConfigError, DatasetError
from ..models.mask2former import Mask2Former


def describe_run(model: Mask2Former, config: PostprocessConfig, dataset: CocoPanoptic) -> dict[str, Any]:
    """The model by a digest of weights and architecture, its options, and the dataset by a digest of its JSON.

    Raises:
        ConfigError: no panoptic model.
        DatasetError: the model's classes are not the dataset's.
    """
    if model.config.task != "panoptic":
        raise ConfigError(f"Evaluation needs a panoptic model; this one's task is {model.config.task!r}.")
    _check_classes(model, dataset)
    weight = next(model.parameters())
    return {
        "weights_sha256": _digest(model),
        "dtype": str(weight.dtype).removeprefix("torch."),
        "device": weight.device.type,
        "compiled": model.compiled,
        "preprocess": dataclasses.asdict(model.config.preprocess),
        "postprocess": dataclasses.asdict(config),
        "dataset_sha256": hashlib.sha256(dataset.layout.json_path.read_bytes()).hexdigest(),
        "version": metadata.version("modelscope_swinpan"),
    }


def _check_classes(model: Mask2Former, dataset: CocoPanoptic) -> None:
    """Two category ids that mean different things would give a wrong figure with no error."""
    known = {category.id: category.name for category in model.config.categories}
    shared = [category for category in dataset.categories if category.id in known]
    if not shared:
        raise DatasetError(f"{dataset.layout.json_path}: none of its category ids is one of the model's.")
    for category in shared:
        if category.name != known[category.id]:
            raise DatasetError(
                f"{dataset.layout.json_path}: category {category.id} is {category.name!r}, and {known[category.id]!r} "
                "to the model. If they are the same, name them alike: here, or in the model's configuration.json."
            )


def _digest(model: Mask2Former) -> str:
    digest = hashlib.sha256(repr(model.config).encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
