"""Find the files of a model's weights, and read them in any format."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import safe_open

from ...errors import CheckpointError, ConfigError
from .io import read_torch
from .mapped import readable

WEIGHTS = "pytorch_model.pt"
"""The hub's name for a model's weights."""

KNOWN_NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    WEIGHTS,
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Usual names of weights, the fastest to load first."""

MAX_JSON_BYTES = 16 * 2**20
"""A model of 10,000 classes has 1 MB of JSON."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".pkl")
EXPORTED = (".onnx", ".xml", ".pt2")
"""The suffixes of what ``swinpan export`` writes: networks for other runtimes."""


@dataclass(frozen=True)
class Source:
    """The content of files: state dicts at any depth, and ``meta``, in which frameworks leave notes."""

    content: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)


def find_weights(directory: Path) -> Path:
    """The file of weights in a model directory: one with a usual name, or else the only one with a known suffix.

    Where there are no weights, an exported file is found.

    If there is none, the hub's name is returned, and reading it fails.

    Raises:
        CheckpointError: there are several.
    """
    for name in KNOWN_NAMES:
        if (directory / name).is_file():
            return directory / name
    files = sorted(file for file in directory.glob("*") if file.is_file())
    openvino = {file.with_suffix(".bin") for file in files if file.suffix == ".xml"}
    weights = [file for file in files if file.suffix in SUFFIXES and file not in openvino]
    candidates = weights or [file for file in files if file.suffix in EXPORTED]
    if len(candidates) > 1:
        names = ", ".join(file.name for file in candidates)
        raise CheckpointError(
            f"{directory} holds several files that may be the weights: {names}. Name one under model.weights in "
            "configuration.json."
        )
    return candidates[0] if candidates else directory / WEIGHTS


def read_source(path: Path) -> Source:
    """Read a checkpoint file: PyTorch's, safetensors, a plain pickle, or the JSON index of several files.

    Tensors are memory-mapped if the format allows it.

    Raises:
        CheckpointError: a file is missing, damaged, unsafe, or holds no dict.
    """
    if path.suffix == ".json":
        return _read_shards(path)
    if path.suffix in EXPORTED:
        raise CheckpointError(
            f"{path} is an exported file by its suffix. It is run as it is: with open_exported() in Python, with "
            "pipeline(), or as --model of predict, batch, eval, serve and studio. Expected weights, such as those that "
            "it was exported from."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    content = read_torch(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; expected a dict with a state_dict.")
    meta = content.get("meta")
    return Source(content, meta if isinstance(meta, Mapping) else {})


def files_of(path: Path) -> list[Path]:
    """The files that hold the weights: ``path`` itself, or those that the index ``path`` names."""
    if path.suffix != ".json":
        return [path]
    return [path.parent / name for name in sorted(set(read_json(path)["weight_map"].values()))]


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or a ConfigError if the file is missing, too long for a model's, or holds none."""
    if path.exists() and not path.is_file():  # a pipe would never end
        raise ConfigError(f"Cannot read {path}: it is no file.")
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError(f"it has more than {MAX_JSON_BYTES:,} bytes")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"Cannot read {path}: {error}.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a JSON object; found {type(content).__name__}.")
    return content


def inside(directory: Path, name: Any) -> Path | None:
    """``directory / name``, or None if ``name`` is not a relative path that stays inside."""
    relative = PurePosixPath(name) if isinstance(name, str) else None
    if relative is None or relative.is_absolute() or ".." in relative.parts or Path(name).is_absolute():
        return None
    return directory / relative


def _read_safetensors(path: Path) -> Source:
    with readable(path), safe_open(path, framework="pt") as file:
        source = Source({key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {})  # noqa: SIM118
    if not source.content:
        raise CheckpointError(f"{path} holds no tensors.")
    return source


def _read_shards(index: Path) -> Source:
    """Read weights in several files, by an index that names the file of each weight."""
    try:
        places = read_json(index).get("weight_map")
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{index} has no weight_map, which tells the file of each weight.")
    tensors: dict[str, Any] = {}
    for name in sorted(set(map(str, places.values()))):
        file = inside(index.parent, name)
        if file is None or file.suffix == ".json":
            raise CheckpointError(f"{index}: weight_map names {name!r}; expected weights beside it.")
        shard = read_source(file).content
        absent = [key for key in places if places[key] == name and key not in shard]
        if absent:
            raise CheckpointError(f"{file} lacks {absent[0]!r}, which {index.name} says it holds. Fetch it again.")
        tensors.update((key, tensor) for key, tensor in shard.items() if places.get(key) == name)
    return Source(tensors)
