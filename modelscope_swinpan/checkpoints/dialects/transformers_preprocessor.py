"""``preprocessor_config.json`` of the transformers package: how ``Mask2FormerImageProcessor`` prepares images.

Whatever it asks for is done or refused. Two things are done in our own way. Multiples of ``size_divisor`` are reached
by padding, as in training, where the package stretches images. And shrinking takes OpenCV's bilinear weights, as
upstream does, where the package smooths.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import Mask2FormerConfig, PreprocessConfig, from_mapping
from ...errors import ConfigError

PREPROCESSOR = "preprocessor_config.json"
RESCALE = 255
BILINEAR = 2
STRIDE = 32
"""The model's coarsest stride. The sides of our inputs are multiples of it."""


def read_preprocessor(directory: Path) -> PreprocessConfig:
    """Preprocessing by ``preprocessor_config.json``, with the package's defaults for what it leaves out.

    Raises:
        ConfigError: it asks for something that is not supported, or an entry is of the wrong type or out of range.
    """
    from ..files.source import read_json  # imports PyTorch

    path = directory / PREPROCESSOR
    if not path.is_file():
        return PreprocessConfig()
    content = {name: value for name, value in read_json(path).items() if value is not None}
    for name in ("do_resize", "do_rescale", "do_normalize"):
        if type(content.get(name, True)) is not bool:
            raise ConfigError(f"{path}: {name} must be true or false; got {content[name]!r:.80}.")
    if "pad_size" in content:
        raise _unsupported(path, "pad_size", content["pad_size"], "without it, images are padded to size_divisor")
    resized = _resizing(content, path) if content.get("do_resize", True) else {"resize": False}
    return from_mapping(PreprocessConfig, {**resized, **_normalisation(content, path)}, str(path))


def preprocessor_entries(config: Mask2FormerConfig) -> dict[str, Any]:
    """The entries of ``preprocessor_config.json`` for a model."""
    preprocess = config.preprocess
    size = {"shortest_edge": preprocess.short_side, "longest_edge": preprocess.long_side}
    if preprocess.fixed_size:
        size = dict(zip(("height", "width"), preprocess.fixed_size, strict=True))
    return {
        "image_processor_type": "Mask2FormerImageProcessor",
        "do_resize": preprocess.resize,
        "size": size,
        "size_divisor": preprocess.size_divisor,
        "resample": BILINEAR,
        "do_rescale": True,
        "rescale_factor": 1 / RESCALE,
        "do_normalize": True,
        "image_mean": [float(f"{value / RESCALE:.6g}") for value in preprocess.mean],
        "image_std": [float(f"{value / RESCALE:.6g}") for value in preprocess.std],
        "do_reduce_labels": False,
        "ignore_index": 255,
        "num_labels": config.num_classes,
    }


def _unsupported(path: Path, name: str, value: Any, instead: str) -> ConfigError:
    return ConfigError(f"{path}: {name} {value!r:.80} is not supported; {instead}.")


def _resizing(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Our entries for ``size``, ``max_size``, ``size_divisor`` and ``resample``."""
    resample = content.get("resample", BILINEAR)
    if resample != BILINEAR:
        raise _unsupported(path, "resample", resample, f"only {BILINEAR} (bilinear) is")
    divisor = content.get("size_divisor", STRIDE)
    if type(divisor) is not int or divisor < 0:
        raise ConfigError(f"{path}: size_divisor must be an int of 0 or more; got {divisor!r:.80}.")
    size = _size(content, path)
    if size.keys() == {"height", "width"}:
        sides = [size["height"], size["width"]]
        if divisor and all(type(side) is int for side in sides):
            sides = [-(-side // divisor) * divisor for side in sides]
        return {"fixed_size": sides}
    if divisor % STRIDE and STRIDE % max(divisor, 1):
        raise _unsupported(path, "size_divisor", divisor, f"only multiples and divisors of {STRIDE} are")
    return {**_sides(size), "size_divisor": max(divisor, STRIDE)}


def _size(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """``size`` as an object. Version 4 also wrote it as a number beside ``max_size``, or as height and width."""
    default = PreprocessConfig()
    size = content.get("size", {"shortest_edge": default.short_side})
    if isinstance(size, list) and len(size) == 2:
        size = {"height": size[0], "width": size[1]}
    elif not isinstance(size, dict):
        size = {"shortest_edge": size}
    size = {name: value for name, value in size.items() if value is not None}
    if "shortest_edge" in size and "max_size" in content:
        size.setdefault("longest_edge", content["max_size"])
    if size.keys() not in ({"shortest_edge"}, {"shortest_edge", "longest_edge"}, {"height", "width"}):
        raise _unsupported(path, "size", size, "only shortest_edge and longest_edge, or height and width, are")
    return size


def _sides(size: Mapping[str, Any]) -> dict[str, Any]:
    """Short and long side. Without a long side, that of the package's default aspect."""
    short, default = size["shortest_edge"], PreprocessConfig()
    long = size.get("longest_edge", default.long_side)
    if "longest_edge" not in size and type(short) is int and short > default.short_side:
        long = short * default.long_side // default.short_side
    return {"short_side": short, "long_side": long}


def _normalisation(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Mean and std of pixels in 0–255. transformers gives them for pixels multiplied by ``rescale_factor``."""
    factor = content.get("rescale_factor", 1 / RESCALE) if content.get("do_rescale", True) else 1
    default = PreprocessConfig()
    values = {}
    for ours, theirs, neutral in (("mean", "image_mean", 0), ("std", "image_std", 1)):
        numbers = content.get(theirs) if content.get("do_normalize", True) else neutral
        if numbers is None:  # the package's default, for pixels in 0–1
            numbers = [value / RESCALE for value in getattr(default, ours)]
        numbers = [numbers] * 3 if isinstance(numbers, int | float) else numbers
        try:
            # They were float32 and then written out: six digits are meant.
            values[ours] = [float(f"{number / factor:.6g}") for number in numbers]
        except (TypeError, ZeroDivisionError, OverflowError):
            raise ConfigError(
                f"{path}: {theirs} and rescale_factor must be numbers; got {numbers!r:.80}, {factor!r:.80}."
            ) from None
    return values
