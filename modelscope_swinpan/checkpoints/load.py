"""From a model directory or a checkpoint file to a ready model."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from ..categories import COCO_PANOPTIC, Category
from ..config import Mask2FormerConfig, PreprocessConfig, from_mapping
from ..errors import CheckpointError, ConfigError
from ..models.mask2former import Mask2Former
from .architecture import infer_config, num_classes
from .io import check_tensors, read_torch
from .keymap import check_complete, shorten
from .mmdet import MMDET2

CONFIGURATION = "configuration.json"
WEIGHTS = "pytorch_model.pt"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    path: str | Path, *, device: str | torch.device = "cpu", dtype: str | torch.dtype = "float32"
) -> Mask2Former:
    """The model of a model directory (``configuration.json`` and weights) or of a bare checkpoint file, in eval mode.

    The weights are memory-mapped and not copied: do not overwrite the file in place while the model is in use. Nothing
    in the directory is executed; a ``config.py`` there is ignored. ``dtype`` is 'float32', 'bfloat16' or 'float16'.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe, or of another model.
        ConfigError: ``configuration.json`` is no JSON object or holds an unknown option; an unknown dtype or device.

    """
    to_device, to_dtype = parse_device(device), parse_dtype(dtype)
    path = Path(path)
    configuration = read_configuration(path) if path.is_dir() else {}
    weights = weights_file(path, configuration) if path.is_dir() else path
    tensors, names = read_weights(weights)
    section = configuration.get("model", {})
    config = infer_config(tensors, section.get("architecture", {}), str(weights))
    config = replace(
        config,
        categories=_categories(section, names, num_classes(tensors), str(weights)),
        preprocess=_preprocess(configuration),
    )
    return build(config, tensors, str(weights)).to(device=to_device, dtype=to_dtype)


def build(config: Mask2FormerConfig, tensors: Mapping[str, Tensor], where: str) -> Mask2Former:
    """A model that holds the given weights themselves, not copies.

    Raises:
        CheckpointError: the weights are not exactly those the model needs; ``where`` names their origin.

    """
    try:
        with torch.device("meta"):
            model = Mask2Former(config)
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{where}: no model has these sizes ({error}).") from None
    check_complete(tensors, model.state_dict(), where)
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def read_weights(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...] | None]:
    """Weights under our keys, and the class names that the file carries, if any.

    Raises:
        CheckpointError: the file cannot be read, or is not one of an mmdetection 2.x Mask2Former.

    """
    content = read_torch(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; expected a dict with a state_dict.")
    nested = content.get("state_dict", content)
    if not isinstance(nested, Mapping) or not nested:
        raise CheckpointError(
            f"{path} holds no state_dict. Found: {', '.join(map(str, list(content)[:8])) or 'nothing'}."
        )
    tensors, unknown = MMDET2.read(check_tensors(nested, str(path)))
    if unknown:
        raise CheckpointError(
            f"{path} is not a Mask2Former checkpoint of mmdetection 2.x: {len(unknown)} of {len(nested)} keys are "
            f"unknown to it ({shorten(unknown)})."
        )
    meta = content.get("meta")
    classes = meta.get("CLASSES") if isinstance(meta, Mapping) else None
    if isinstance(classes, Sequence) and all(isinstance(name, str) for name in classes):
        return tensors, tuple(name.strip() for name in classes)
    return tensors, None


def read_configuration(directory: Path) -> dict[str, Any]:
    """``configuration.json`` of a model directory.

    Raises:
        ConfigError: it is missing, no JSON, or not an object of objects where objects belong.

    """
    file = directory / CONFIGURATION
    try:
        configuration = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{directory} is no model directory: it has no {CONFIGURATION}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"Cannot read {file}: {error}.") from None
    if not isinstance(configuration, dict):
        raise ConfigError(f"{file} must hold a JSON object; found {type(configuration).__name__}.")
    for where in (("model",), ("preprocessor",), ("model", "architecture")):
        value: Any = configuration
        for key in where:
            value = value.get(key, {})
        if not isinstance(value, dict):
            raise ConfigError(f"{file}: {'.'.join(where)} must be an object; found {type(value).__name__}.")
    return configuration


def weights_file(directory: Path, configuration: Mapping[str, Any]) -> Path:
    """The weights that a model directory names, ``pytorch_model.pt`` unless ``model.weights`` says otherwise.

    Raises:
        ConfigError: ``model.weights`` is not a path inside the directory.

    """
    name = configuration.get("model", {}).get("weights", WEIGHTS)
    relative = PurePosixPath(name) if isinstance(name, str) else None
    if relative is None or relative.is_absolute() or ".." in relative.parts or Path(name).is_absolute():
        raise ConfigError(f"{CONFIGURATION}: model.weights must be a path inside the model directory; got {name!r}.")
    return directory / relative


def parse_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """A supported dtype, from its name or itself.

    Raises:
        ConfigError: any other.

    """
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise ConfigError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}.")
    return DTYPES[name]


def parse_device(device: str | torch.device) -> torch.device:
    """A device that is there, from its name: 'cpu', 'cuda', 'cuda:1', 'mps'; ModelScope's 'gpu' is 'cuda'.

    Raises:
        ConfigError: no such device on this machine.

    """
    name = str(device).replace("gpu", "cuda")
    try:
        parsed = torch.device(name)
        torch.empty(0, device=parsed)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ConfigError(
            f"device {str(device)!r} cannot be used on this machine: {reason} Try device='cpu'."
        ) from None
    return parsed


def _preprocess(configuration: Mapping[str, Any]) -> PreprocessConfig:
    section = configuration.get("preprocessor", {})
    if "type" in section:  # the name of a class in ModelScope's own registry, with options that only it knows
        warnings.warn(
            f"{CONFIGURATION}: preprocessor of type {section['type']!r} is not used; images are prepared as the model "
            "card says.",
            stacklevel=3,
        )
        return PreprocessConfig()
    return from_mapping(PreprocessConfig, section, f"{CONFIGURATION}: preprocessor")


def _categories(
    section: Mapping[str, Any], names: Sequence[str] | None, count: int, where: str
) -> tuple[Category, ...]:
    """The classes: as configured, else as the checkpoint names them, else COCO panoptic where the number fits."""
    if "categories" in section:
        listed = section["categories"]
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise ConfigError(f"{CONFIGURATION}: model.categories must be a list of objects.")
        found = tuple(from_mapping(Category, item, f"{CONFIGURATION}: model.categories") for item in listed)
    elif names is not None:
        found = _by_name(names)
    elif count == len(COCO_PANOPTIC):
        warnings.warn(f"{where} names no classes; taking the {count} of COCO panoptic.", stacklevel=3)
        found = COCO_PANOPTIC
    else:
        found = ()
    if len(found) != count:
        raise CheckpointError(
            f"{where} has a class head of {count} classes, but {len(found) or 'no'} classes are named. List them under "
            f"model.categories in {CONFIGURATION}, each with id, name, isthing and color."
        )
    return found


def _by_name(names: Sequence[str]) -> tuple[Category, ...]:
    coco = {category.name: category for category in COCO_PANOPTIC}
    if all(name in coco for name in names):
        return tuple(coco[name] for name in names)
    warnings.warn(
        "The checkpoint's classes are not COCO's and it does not tell things from stuff: unknown ones are taken as "
        f"things. List them under model.categories in {CONFIGURATION} to say otherwise.",
        stacklevel=4,
    )
    return tuple(
        Category(
            id=label + 1,
            name=name,
            isthing=coco[name].isthing if name in coco else True,
            color=COCO_PANOPTIC[label % len(COCO_PANOPTIC)].color,
        )
        for label, name in enumerate(names)
    )
