"""Load a model from a model directory or a checkpoint file."""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor

from ..categories import Category, check_categories
from ..config import Mask2FormerConfig, PostprocessConfig, PreprocessConfig, Task, from_mapping
from ..errors import CheckpointError, ConfigError
from ..models.mask2former import Mask2Former
from .architecture import find_backbone, infer_config, num_classes
from .classes import Classes, Resolved, miscounted, resolve
from .dialects.keymap import check_complete, shorten
from .dialects.transformers import CONFIG
from .files.source import find_weights, inside, read_json, read_source
from .finite import check_finite, find_not_finite
from .unwrap import Weights, unwrap

CONFIGURATION = "configuration.json"
EMBEDDED = Path(__file__).parents[1] / "embedded"
"""The model directory of the small model that comes with this package."""
EMBEDDED_NAME = "embedded"
"""What it is called wherever a model is named."""

SECTIONS = (("model",), ("model", "architecture"), ("preprocessor",), ("model", "postprocess"))
"""The objects in a configuration that are ours."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    path: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype = "float32",
    network: str | None = None,
) -> Mask2Former:
    """Load the model of a model directory or of a bare checkpoint file, in eval mode.

    Nothing in the directory is executed; a ``config.py`` there is ignored. Warns of what had to be guessed, stripped or
    left out.

    Args:
        path: a directory with weights and ``configuration.json``, or with a transformers model's ``config.json``; or a
            file of weights; or 'embedded', the small model of this package. The weights may be in any of the
            :mod:`~.dialects`. Where the format allows, they are memory-mapped instead of copied: do not overwrite the
            file in place while the model is in use.
        device: 'cpu', 'cuda', 'cuda:1', 'mps', or ModelScope's 'gpu'.
        dtype: 'float32', 'bfloat16' or 'float16'.
        network: which model of a file that holds several, such as 'teacher' or 'ema_state_dict'. By default what
            ``model.network`` in ``configuration.json`` says, or the only one that is no moving average.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe, not finite, belong to another model, or have to be
            chosen.
        ConfigError: ``configuration.json`` is no JSON object or holds an unknown option; an unknown dtype or device.
    """
    source = as_path(path)
    to_device, to_dtype = parse_device(device), parse_dtype(dtype)

    def load() -> tuple[Mask2Former, list[str]]:
        model, remarks = _open(source, network)
        model = model.to(device=to_device, dtype=to_dtype)
        if to_dtype is torch.float16 and (large := find_not_finite(model.state_dict())):
            raise ConfigError(
                f"dtype float16 ends at 65504, but {len(large)} weights of {path} are larger ({shorten(large)}). Use "
                "dtype bfloat16 or float32."
            )
        return model, remarks

    # Converting weights starts OpenMP threads that live as long as the thread that converts. A server runs the model in
    # another thread with OpenMP threads of its own. Together they would outnumber the processors, then all of them
    # sleep between operations, and the model takes twice the time. So convert in a thread that ends.
    with ThreadPoolExecutor(1, "swinpan-load") as thread:
        model, remarks = thread.submit(load).result()
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return model


def as_path(model: str | Path) -> Path:
    """A model as a path. The text 'embedded' is :data:`EMBEDDED`, in any folder; ``./embedded`` is a path."""
    if model != EMBEDDED_NAME:  # a Path is never equal to a text
        return Path(model)
    here = Path(EMBEDDED_NAME)
    if here.exists() and not here.samefile(EMBEDDED):
        warnings.warn(
            "'embedded' is the model that comes with modelscope_swinpan; write ./embedded for what is here under that "
            "name.",
            stacklevel=3,
        )
    return EMBEDDED


def open_model(path: Path, network: str | None = None) -> Mask2Former:
    """Load like :func:`load_model`, on the CPU and in the file's dtype."""
    model, remarks = _open(path, network)
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return model


def _open(path: Path, network: str | None) -> tuple[Mask2Former, list[str]]:
    file, weights, configuration = read_weights(path, network)
    config, tensors, remarks = interpret(file, weights, configuration)
    check_finite(file, weights)
    return build(config, tensors, weights.where), remarks


def read_weights(path: Path, network: str | None = None) -> tuple[Path, Weights, dict[str, Any]]:
    """The file of weights that ``path`` leads to, the weights of one ``network`` in it, and the configuration.

    Raises:
        CheckpointError, ConfigError: as :func:`locate`, :func:`~.files.source.read_source` and :func:`~.unwrap.unwrap`.
    """
    file, configuration = locate(path)
    if network is None:
        network = configuration.get("model", {}).get("network")
    if not isinstance(network, str | None):
        raise ConfigError(f"{CONFIGURATION}: model.network must be a name; got {network!r:.80}.")
    return file, unwrap(read_source(file), str(file), network), configuration


def locate(path: Path) -> tuple[Path, dict[str, Any]]:
    """The file of weights in a model directory, or ``path`` itself if it is a file, and the directory's configuration.

    The configuration is empty if there is only a transformers model's ``config.json``.

    Raises:
        CheckpointError: ``model.weights`` names no file, and the directory has several.
        ConfigError: ``configuration.json`` is missing or no JSON object, one of our entries that must be an object is
            none, or ``model.weights`` is not a path inside the directory.
    """
    if not path.is_dir():
        return path, {}
    configuration = _read_configuration(path)
    section = configuration.get("model", {})
    if "weights" not in section:
        return find_weights(path), configuration
    if file := inside(path, section["weights"]):
        return file, configuration
    raise ConfigError(
        f"{CONFIGURATION}: model.weights must be a path inside the model directory; got {section['weights']!r}."
    )


def interpret(
    path: Path, weights: Weights, configuration: Mapping[str, Any]
) -> tuple[Mask2FormerConfig, dict[str, Tensor], list[str]]:
    """The model with these ``weights``, read from ``path``: its config, its weights under our keys, and remarks.

    The dialect's files beside ``path`` count too. ``configuration`` comes from :func:`locate` and overrules them.

    Raises:
        CheckpointError: it belongs to no known dialect or is no Mask2Former's, its files contradict what we compute,
            or its classes are not known.
        ConfigError: a damaged JSON file, an unknown option, or one of the wrong type or out of range.
    """
    where = str(path)
    tensors, _ = weights.dialect.keymap.read(weights.tensors)
    notes = weights.dialect.notes(path, weights.meta, find_backbone(tensors, where))
    remarks = [*weights.remarks, *notes.remarks]
    _check_sections(notes.configuration, where)
    kind = configuration.get("preprocessor", {}).get("type")
    if kind is not None:  # one of ModelScope's, with options that only its class knows
        remarks.append(
            f"{CONFIGURATION}: preprocessor of type {kind!r} is not used; images are prepared as the model card says."
        )
        configuration = {**configuration, "preprocessor": {}}
    model, architecture, preprocessor, postprocess = (
        {**_section(notes.configuration, *names), **_section(configuration, *names)} for names in SECTIONS
    )
    config = infer_config(tensors, architecture, where)
    classes = _classes(model, notes.classes, num_classes(tensors, where), where)
    if classes.remark is not None:
        remarks.append(classes.remark)
    config = replace(
        config,
        categories=classes.categories,
        task=classes.task,
        preprocess=from_mapping(PreprocessConfig, preprocessor, f"{CONFIGURATION}: preprocessor"),
        postprocess=from_mapping(PostprocessConfig, postprocess, f"{CONFIGURATION}: model.postprocess"),
    )
    return config, tensors, remarks


def build(config: Mask2FormerConfig, tensors: Mapping[str, Tensor], where: str) -> Mask2Former:
    """A model in eval mode that uses ``tensors`` themselves, not copies. ``where`` names their origin in messages.

    Raises:
        CheckpointError: they are not exactly the weights that the model needs.
    """
    try:
        with torch.device("meta"):
            model = Mask2Former(config)
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{where}: no model has these sizes ({error}).") from None
    check_complete(tensors, model.state_dict(), where)
    integers = [key for key, tensor in tensors.items() if not tensor.is_floating_point()]
    if integers:
        raise CheckpointError(f"{where} holds weights that are no floating-point numbers: {shorten(integers)}.")
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _read_configuration(directory: Path) -> dict[str, Any]:
    file = directory / CONFIGURATION
    if not file.exists():
        if (directory / CONFIG).is_file():
            return {}
        raise ConfigError(
            f"{directory} is no model directory: it has no {CONFIGURATION}. Give the file of weights itself, or have "
            "'swinpan convert' make a model directory of it."
        )
    configuration = read_json(file)
    _check_sections(configuration, str(file))
    return configuration


def _check_sections(configuration: Mapping[str, Any], where: str) -> None:
    for names in SECTIONS:
        value = _section(configuration, *names)
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {'.'.join(names)} must be an object; found {type(value).__name__}.")


def parse_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """The supported dtype of that name, or a ConfigError. A dtype itself is taken too."""
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise ConfigError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}.")
    return DTYPES[name]


def parse_device(device: str | torch.device) -> torch.device:
    """The device of that name, or a ConfigError if this machine has none. ModelScope's 'gpu' is 'cuda'.

    'cuda' becomes this thread's current GPU, by its number: other threads have their own.
    """
    name = str(device).replace("gpu", "cuda")
    try:
        there = torch.zeros(1, device=torch.device(name))
        there.cpu()  # 'meta' holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0].rstrip(".!")
        raise ConfigError(
            f"device {str(device)!r} cannot be used on this machine: {reason}. Try device='cpu'."
        ) from None
    return there.device


def _section(configuration: Mapping[str, Any], *names: str) -> Any:
    """The entry of a configuration at the path ``names``; an empty dict if there is none."""
    value: Any = configuration
    for name in names:
        value = value.get(name, {})
    return value


def _classes(section: Mapping[str, Any], told: Classes, count: int, where: str) -> Resolved:
    """Classes by the section ``model`` of the configuration, or else by what the checkpoint tells."""
    task = section.get("task")
    if task is not None and task not in get_args(Task):
        raise ConfigError(f"{CONFIGURATION}: model.task must be one of {', '.join(get_args(Task))}; got {task!r}.")
    task = cast(Task | None, task) or told.task
    if "categories" not in section:
        return resolve(replace(told, task=task), count, where)
    listed = section["categories"]
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ConfigError(f"{CONFIGURATION}: model.categories must be a list of objects.")
    # A list of a million entries is counted, not read.
    categories = tuple(from_mapping(Category, item, f"{CONFIGURATION}: model.categories") for item in listed[:count])
    if len(listed) != count:
        raise miscounted(where, count, len(listed))
    try:
        check_categories(categories)
    except ConfigError as error:
        raise ConfigError(f"{CONFIGURATION}: model.categories: {error}") from None
    return Resolved(categories, task or "panoptic")
