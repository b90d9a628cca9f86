"""From a model directory or a checkpoint file to a ready model."""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor

from ..categories import Category
from ..config import Mask2FormerConfig, PostprocessConfig, PreprocessConfig, Task, from_mapping
from ..errors import CheckpointError, ConfigError
from ..models.mask2former import Mask2Former
from .architecture import infer_config, num_classes
from .checkpoint import Checkpoint, read_checkpoint
from .classes import check_count, resolve
from .dialects.keymap import check_complete, shorten
from .dialects.transformers_config import CONFIG
from .files.source import find_weights, inside, read_json

CONFIGURATION = "configuration.json"
EMBEDDED = Path(__file__).parents[1] / "embedded"
"""The directory of the small model that comes with this package."""

SECTIONS = (("model",), ("model", "architecture"), ("preprocessor",), ("model", "postprocess"))
"""The objects in a configuration that are ours."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    path: str | Path, *, device: str | torch.device = "cpu", dtype: str | torch.dtype = "float32"
) -> Mask2Former:
    """The model of a model directory or of a bare checkpoint file, in eval mode.

    A directory holds weights and ``configuration.json``, or a transformers model's ``config.json``. The weights may be
    in any of the :mod:`~.dialects`. They are memory-mapped and not copied where the format allows: do not overwrite the
    file in place while the model is in use. Nothing in the directory is executed; a ``config.py`` there is ignored.
    ``dtype`` is 'float32', 'bfloat16' or 'float16'.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe, or of another model.
        ConfigError: ``configuration.json`` is no JSON object or holds an unknown option; an unknown dtype or device.
    """
    to_device, to_dtype = parse_device(device), parse_dtype(dtype)
    # In a thread that ends: one that converts weights keeps OpenMP threads. Where another runs the model, as in a
    # server, they would be more than there are processors; none of them waits awake then, and it takes twice its time.
    with ThreadPoolExecutor(1, "swinpan-load") as thread:
        return thread.submit(lambda: open_model(Path(path)).to(device=to_device, dtype=to_dtype)).result()


def open_model(path: Path) -> Mask2Former:
    """The model of :func:`load_model` on the CPU, its weights as they stand in the file."""
    weights, configuration = locate(path)
    checkpoint = read_checkpoint(weights)
    return build(describe(checkpoint, configuration), checkpoint.tensors, str(weights))


def locate(path: Path) -> tuple[Path, dict[str, Any]]:
    """The weights of a model directory, or the file itself, and the directory's configuration.

    Raises:
        CheckpointError: the directory does not tell which of several files holds the weights.
        ConfigError: an unusable ``configuration.json``.
    """
    if not path.is_dir():
        return path, {}
    configuration = read_configuration(path)
    return weights_file(path, configuration), configuration


def describe(checkpoint: Checkpoint, configuration: Mapping[str, Any]) -> Mask2FormerConfig:
    """The config of a checkpoint's model; ``configuration`` (of :func:`read_configuration`) has the last word.

    Raises:
        CheckpointError: the weights are not a Mask2Former's, or its classes are not known.
        ConfigError: an unknown option, or one of the wrong type or out of range.
    """
    where = str(checkpoint.path)
    check_sections(checkpoint.described, where)
    configuration = _ours(configuration)
    model, architecture, preprocessor, postprocess = (
        {**_section(checkpoint.described, *names), **_section(configuration, *names)} for names in SECTIONS
    )
    config = infer_config(checkpoint.tensors, architecture, where)
    categories, task = _classes(model, checkpoint)
    return replace(
        config,
        categories=categories,
        task=task,
        preprocess=from_mapping(PreprocessConfig, preprocessor, f"{CONFIGURATION}: preprocessor"),
        postprocess=from_mapping(PostprocessConfig, postprocess, f"{CONFIGURATION}: model.postprocess"),
    )


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
    whole = [key for key, tensor in tensors.items() if not tensor.is_floating_point()]
    if whole:
        raise CheckpointError(f"{where} holds weights that are no floating-point numbers: {shorten(whole)}.")
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def read_configuration(directory: Path) -> dict[str, Any]:
    """``configuration.json`` of a model directory; empty where there is none beside a transformers ``config.json``.

    Raises:
        ConfigError: it is missing, no JSON, or not an object of objects where objects belong.
    """
    file = directory / CONFIGURATION
    if not file.exists():
        if (directory / CONFIG).is_file():
            return {}
        raise ConfigError(f"{directory} is no model directory: it has no {CONFIGURATION}.")
    configuration = read_json(file)
    check_sections(configuration, str(file))
    return configuration


def check_sections(configuration: Mapping[str, Any], where: str) -> None:
    """Raise a ConfigError unless there are objects where objects belong; ``where`` names the file."""
    for names in SECTIONS:
        value = _section(configuration, *names)
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {'.'.join(names)} must be an object; found {type(value).__name__}.")


def weights_file(directory: Path, configuration: Mapping[str, Any]) -> Path:
    """The weights that a model directory names under ``model.weights``, or else has.

    Raises:
        CheckpointError: none are named, and several are there.
        ConfigError: ``model.weights`` is not a path inside the directory.
    """
    section = configuration.get("model", {})
    if "weights" not in section:
        return find_weights(directory)
    file = inside(directory, section["weights"])
    if file is None:
        raise ConfigError(
            f"{CONFIGURATION}: model.weights must be a path inside the model directory; got {section['weights']!r}."
        )
    return file


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


def _section(configuration: Mapping[str, Any], *names: str) -> Any:
    """What stands at ``names`` of a configuration, empty where nothing does."""
    value: Any = configuration
    for name in names:
        value = value.get(name, {})
    return value


def _ours(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration without a preprocessor of ModelScope's own, whose options only its class there knows."""
    kind = configuration.get("preprocessor", {}).get("type")
    if kind is None:
        return configuration
    warnings.warn(
        f"{CONFIGURATION}: preprocessor of type {kind!r} is not used; images are prepared as the model card says.",
        stacklevel=5,
    )
    return {**configuration, "preprocessor": {}}


def _classes(section: Mapping[str, Any], checkpoint: Checkpoint) -> tuple[tuple[Category, ...], Task]:
    """Categories and task: as configured, else as the checkpoint tells or lets guess."""
    where, count = str(checkpoint.path), num_classes(checkpoint.tensors)
    configured = section.get("task")
    if configured is not None and configured not in get_args(Task):
        raise ConfigError(
            f"{CONFIGURATION}: model.task must be one of {', '.join(get_args(Task))}; got {configured!r}."
        )
    task = cast(Task | None, configured) or checkpoint.classes.task
    if "categories" not in section:
        categories, likely = resolve(replace(checkpoint.classes, task=task), count, where)
        return categories, task or likely
    listed = section["categories"]
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ConfigError(f"{CONFIGURATION}: model.categories must be a list of objects.")
    categories = tuple(from_mapping(Category, item, f"{CONFIGURATION}: model.categories") for item in listed)
    check_count(categories, count, where)
    return categories, task or "panoptic"
