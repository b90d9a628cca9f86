"""From a model to a checkpoint file or a model directory, in our own form or in another package's."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..config import Mask2FormerConfig, ResNetConfig
from ..errors import CheckpointError, ConfigError
from ..files import atomic
from ..models.backbones.swin import relative_position_index
from ..models.mask2former import Mask2Former
from .architecture import infer_config
from .dialects import native, transformers_save
from .dialects.mmdet import MMDET2
from .dialects.transformers import WRITTEN
from .dialects.transformers_config import CONFIG, PREPROCESSOR
from .files.safetensors import write_safetensors
from .files.source import WEIGHTS
from .load import CONFIGURATION

Form = Literal["native", "mmdet", "transformers"]
WEIGHT_FILES: Mapping[Form, str] = {
    "native": "model.safetensors",
    "mmdet": WEIGHTS,
    "transformers": "model.safetensors",
}

MAX_LINE = 160


def save_pretrained(model: Mask2Former, directory: str | Path, *, form: Form = "native") -> None:
    """Write a model directory, made where it is missing, for :func:`~.load.load_model` and ModelScope's ``pipeline()``.

    ``form`` is 'native' (safetensors under our keys), 'mmdet' (mmdetection 2.x, which upstream reads) or 'transformers'
    (for ``Mask2FormerForUniversalSegmentation.from_pretrained``). The weights keep their dtype. Every file is written
    whole or not at all.

    Raises:
        CheckpointError: the form has no words for this model.
        ConfigError: an unknown form.
        OSError: a file cannot be written.
    """
    check_form(form)
    directory = Path(directory)
    texts = {CONFIGURATION: _configuration(model.config, form)}
    if form == "transformers":
        texts[CONFIG] = transformers_save.model_config(model.config)
        texts[PREPROCESSOR] = transformers_save.preprocessor_config(model.config)
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:  # none takes its place before all are written
        for name, content in texts.items():
            files.enter_context(atomic(directory / name)).write_text(_pretty(content), encoding="utf-8")
        _write(model, files.enter_context(atomic(directory / WEIGHT_FILES[form])), form)


def save_checkpoint(model: Mask2Former, path: str | Path, form: Form = "native") -> None:
    """Write the weights alone, in a form of :func:`save_pretrained`, with what the form has to say of the classes.

    Raises:
        CheckpointError: the form has no words for this model.
        ConfigError: an unknown form.
        OSError: the file cannot be written.
    """
    check_form(form)
    with atomic(Path(path)) as partial:
        _write(model, partial, form)


def check_form(form: str) -> None:
    """Raise a ConfigError unless there is a form of that name."""
    if form not in get_args(Form):
        raise ConfigError(f"form must be one of {', '.join(get_args(Form))}; got {form!r}.")


def _write(model: Mask2Former, path: Path, form: Form) -> None:
    config, tensors = model.config, model.state_dict()
    described = native.describe(config)["model"]["architecture"]
    found = infer_config(tensors, described, "The model")
    if (found.backbone, found.pixel_decoder, found.transformer_decoder, found.hidden_dim) != (
        config.backbone,
        config.pixel_decoder,
        config.transformer_decoder,
        config.hidden_dim,
    ):
        raise CheckpointError("The model's config is not that of its weights, so that it could not be loaded again.")
    if form == "native":
        write_safetensors(path, tensors, native.to_header(config))
    elif form == "mmdet":
        _write_mmdet(path, tensors, config)
    else:
        written = WRITTEN.write(tensors)
        dtype = tensors["transformer_decoder.query_pos"].dtype
        write_safetensors(path, {**written, **transformers_save.constants(config, dtype)}, {"format": "pt"})


def _write_mmdet(path: Path, tensors: Mapping[str, Tensor], config: Mask2FormerConfig) -> None:
    """Write a file of mmdetection's, with the constants that its strict loading asks for."""
    written = MMDET2.write(tensors)
    for key in list(written):
        if key.endswith(".relative_position_bias_table"):
            size = (round(len(written[key]) ** 0.5) + 1) // 2
            written[key.replace("_bias_table", "_index")] = relative_position_index(size, torch.device("cpu"))
        elif key.endswith(".running_mean"):
            written[key.replace("running_mean", "num_batches_tracked")] = torch.tensor(0)
    meta = {
        "CLASSES": [category.name for category in config.categories],
        "PALETTE": [category.color for category in config.categories],
    }
    try:
        torch.save({"meta": meta, "state_dict": {key: _own(tensor) for key, tensor in written.items()}}, path)
    except RuntimeError as error:  # what PyTorch makes of a full disk
        raise OSError(f"Cannot write {path}: {str(error).splitlines()[0]}") from None


def _own(tensor: Tensor) -> Tensor:
    """The same numbers, on the CPU and as a storage of their own: ``torch.save`` writes whole storages."""
    raw = tensor.cpu().view(-1).view(torch.uint8).numpy().data
    return torch.frombuffer(raw, dtype=tensor.dtype).view(tensor.shape)


def _configuration(config: Mask2FormerConfig, form: Form) -> dict[str, Any]:
    """``configuration.json``."""
    described = native.describe(config)
    backbone = "r50" if isinstance(config.backbone, ResNetConfig) else "swinL"
    return {
        "framework": "pytorch",
        "task": "image-segmentation",
        "pipeline": {"type": "image-panoptic-segmentation"},
        **described,
        "model": {
            "type": f"{backbone}-panoptic-segmentation",
            "weights": WEIGHT_FILES[form],
            **described["model"],
        },
    }


def _pretty(content: Mapping[str, Any]) -> str:
    """JSON with small lists and objects on one line each."""
    text = json.dumps(content, indent=4, ensure_ascii=False)
    for innermost in (r"\[[^\[\]{}]*\]", r"\{[^{}]*\}"):
        text = re.sub(innermost, lambda found: _one_line(found[0]), text)
    return text + "\n"


def _one_line(text: str) -> str:
    """``text`` without its line breaks, none of which are within strings, unless that is too long."""
    joined = re.sub(r"(?<=[\[{])\n\s*|\n\s*(?=[\]}])", "", text)
    joined = re.sub(r"\n\s*", " ", joined)
    return joined if len(joined) < MAX_LINE else text
