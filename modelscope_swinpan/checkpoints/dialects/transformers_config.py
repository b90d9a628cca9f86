"""What a transformers model says of itself beside its weights: ``config.json`` and ``preprocessor_config.json``."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import PreprocessConfig, from_mapping
from ...errors import CheckpointError, ConfigError
from ..files.source import read_json

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"

MODEL_TYPE = "mask2former"

# Options of the package's that change the mathematics without showing in any weight, with the values we compute with.
FIXED: Mapping[str, Any] = {
    "pre_norm": False,
    "activation_function": "relu",
    "common_stride": 4,
    "feature_strides": [4, 8, 16, 32],
}
FIXED_BACKBONE: Mapping[str, Any] = {"hidden_act": "gelu", "layer_norm_eps": 1e-5, "patch_size": 4}


@dataclass(frozen=True)
class TransformersConfig:
    """Class names by label, None where they are but placeholders, and the attention heads."""

    names: tuple[str, ...] | None
    num_heads: int


def read_config(directory: Path) -> TransformersConfig | None:
    """What ``config.json`` says, or None where there is none.

    Raises:
        ConfigError: it is no JSON object, or an entry is of the wrong type.
        CheckpointError: it is that of another model, or of a Mask2Former that computes otherwise than ours.
    """
    path = directory / CONFIG
    if not path.is_file():
        return None
    content = read_json(path)
    if content.get("model_type") != MODEL_TYPE:
        raise CheckpointError(f"{path}: expected model_type {MODEL_TYPE!r}; found {content.get('model_type')!r}.")
    backbone = content.get("backbone_config") or {}
    if not isinstance(backbone, dict):
        raise ConfigError(f"{path}: backbone_config must be an object; found {type(backbone).__name__}.")
    for found, expected in ((content, FIXED), (backbone, FIXED_BACKBONE)):
        for name, value in expected.items():
            if found.get(name, value) != value:
                raise CheckpointError(f"{path}: {name} {found[name]!r} is not supported; only {value!r} is.")
    heads = content.get("num_attention_heads", 8)
    if type(heads) is not int or heads < 1:
        raise ConfigError(f"{path}: num_attention_heads must be a positive int; got {heads!r}.")
    return TransformersConfig(_names(content.get("id2label"), path), heads)


def read_preprocessor(directory: Path) -> PreprocessConfig:
    """How ``preprocessor_config.json`` has images prepared, our defaults where it does not say.

    Warns where it asks for a size regardless of the image's aspect, which we do not do.

    Raises:
        ConfigError: it is no JSON object, or an entry is of the wrong type or out of range.
    """
    path = directory / PREPROCESSOR
    if not path.is_file():
        return PreprocessConfig()
    content = read_json(path)
    values = {**_sizes(content, path), **_normalisation(content, path)}
    divisor = content.get("size_divisor")
    if type(divisor) is int and divisor > 0 and divisor % 32 == 0:  # less would not fit the model's strides
        values["size_divisor"] = divisor
    return from_mapping(PreprocessConfig, values, str(path))


def _names(labels: Any, path: Path) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if not isinstance(labels, dict) or not all(isinstance(name, str) for name in labels.values()):
        raise ConfigError(f"{path}: id2label must be an object of names.")
    if set(labels) != {str(label) for label in range(len(labels))}:
        raise ConfigError(f"{path}: id2label must name the labels 0 … {len(labels) - 1}, each once.")
    names = tuple(labels[str(label)].strip() for label in range(len(labels)))
    placeholders = tuple(f"LABEL_{label}" for label in range(len(names)))
    return None if names == placeholders else names


def _sizes(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Short and long side. Version 4.26 wrote them as ``size`` and ``max_size``."""
    size = content.get("size")
    if isinstance(size, int):
        size = {"shortest_edge": size}
    if not isinstance(size, dict):
        return {}
    if "shortest_edge" not in size:
        defaults = PreprocessConfig()
        warnings.warn(
            f"{path} asks for images of size {size}, whatever their aspect; they are resized to a short side of "
            f"{defaults.short_side} instead, as the models were trained. Set preprocessor.short_side and long_side in "
            "configuration.json for another size.",
            stacklevel=6,
        )
        return {}
    short = size["shortest_edge"]
    long = size.get("longest_edge", content.get("max_size"))
    return {"short_side": short} if long is None else {"short_side": short, "long_side": long}


def _normalisation(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Mean and std of pixels in 0–255; the package's are of pixels that it has multiplied by ``rescale_factor``."""
    factor = content.get("rescale_factor", 1 / 255) if content.get("do_rescale", True) else 1
    normalised = content.get("do_normalize", True)
    values = {}
    for ours, theirs, neutral in (("mean", "image_mean", 0), ("std", "image_std", 1)):
        numbers = content.get(theirs) if normalised else [neutral] * 3
        if numbers is None:
            continue
        numbers = [numbers] * 3 if isinstance(numbers, int | float) else numbers
        try:
            # Float32 numbers written out as decimals: six digits are what they were meant to be.
            values[ours] = [float(f"{number / factor:.6g}") for number in numbers]
        except (TypeError, ZeroDivisionError):
            raise ConfigError(
                f"{path}: {theirs} and rescale_factor must be numbers; got {numbers!r}, {factor!r}."
            ) from None
    return values
