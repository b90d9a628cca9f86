"""Save a model as a checkpoint file or a model directory, in any dialect that can be written."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import CheckpointError, ConfigError
from ..files import atomic, refuse_to_replace
from ..models.backbones import backbone_of
from ..models.mask2former import Mask2Former
from .architecture import infer_config
from .dialects import Dialect, Writer, native, writable
from .files.source import SUFFIXES
from .load import CONFIGURATION

MAX_LINE = 160


def save_pretrained(
    model: Mask2Former,
    directory: str | Path,
    *,
    form: str = "native",
    weights: str | None = None,
    entries: Mapping[str, Any] | None = None,
    replace: bool = True,
) -> None:
    """Write a model directory for :func:`~.load.load_model` and ModelScope's ``pipeline()``; make it if it is missing.

    The weights keep their dtype. All files are written completely before the first takes its place.

    Args:
        model: the model, on any device.
        directory: where to.
        form: the dialect's name: 'native' (safetensors under our keys), 'mmdet' (mmdetection 2.x, which upstream
            reads), 'transformers' (for ``Mask2FormerForUniversalSegmentation.from_pretrained``), or another registered
            one that can be written.
        weights: name of the file of weights, by default the dialect's.
        entries: other entries of ``configuration.json``, to which the model's own are added.
        replace: whether files of the same names in the directory are replaced. If not, one of them is an error, and
            nothing is written.

    Raises:
        CheckpointError: the dialect cannot hold this model.
        ConfigError: there is no such dialect, ``weights`` is not the name of a file with a dialect's suffix, or a file
            is there and not to be replaced.
        OSError: a file cannot be written.
    """
    dialect, writer = writable(form)
    weights = _name(weights, writer)
    texts = {CONFIGURATION: {**(entries or {}), **_configuration(model, weights)}, **writer.files(model.config)}
    tensors = _tensors(model, dialect)
    directory = Path(directory)
    if not replace:
        refuse_to_replace(directory / name for name in (*texts, weights))
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:
        for name, content in texts.items():
            files.enter_context(atomic(directory / name)).write_text(_pretty(content), encoding="utf-8")
        writer.write(files.enter_context(atomic(directory / weights)), tensors, model.config)


def _tensors(model: Mask2Former, dialect: Dialect) -> dict[str, Tensor]:
    """The weights under a dialect's keys, once it is certain that they can be loaded again."""
    config, tensors = model.config, model.state_dict()
    found = infer_config(tensors, native.describe(config)["model"]["architecture"], "The model")
    parts = ("backbone", "pixel_decoder", "transformer_decoder", "hidden_dim")
    if any(getattr(found, part) != getattr(config, part) for part in parts):
        raise CheckpointError("The model's config does not fit its weights, so it could not be loaded again.")
    return dialect.keymap.write(tensors)


def _name(weights: str | None, writer: Writer) -> str:
    """The name of the file of weights, which tells readers its format."""
    if weights is None:
        return writer.weights
    archive = Path(writer.weights).suffix == ".safetensors"
    suffixes = [suffix for suffix in SUFFIXES if (suffix == ".safetensors") == archive and suffix != ".pkl"]
    if Path(weights).name != weights or Path(weights).suffix not in suffixes:
        raise ConfigError(
            f"Weights of this form need a file name that ends in {' or '.join(suffixes)}; got {weights!r}."
        )
    return weights


def _configuration(model: Mask2Former, weights: str) -> dict[str, Any]:
    described = native.describe(model.config)
    model_type = backbone_of(model.config.backbone).model_type
    return {
        "framework": "pytorch",
        "task": "image-segmentation",
        "pipeline": {"type": "image-panoptic-segmentation"},
        **described,
        "model": {"type": model_type, "weights": weights, **described["model"]},
    }


def _pretty(content: Mapping[str, Any]) -> str:
    """JSON text with each small list and object on one line."""

    def one_line(found: re.Match[str]) -> str:
        joined = re.sub(r"(?<=[\[{])\n\s*|\n\s*(?=[\]}])", "", found[0])  # JSON has no line breaks in strings
        joined = re.sub(r"\n\s*", " ", joined)
        return joined if len(joined) < MAX_LINE else found[0]

    text = json.dumps(content, indent=4, ensure_ascii=False)
    for innermost in (r"\[[^\[\]{}]*\]", r"\{[^{}]*\}"):
        text = re.sub(innermost, one_line, text)
    return text + "\n"
