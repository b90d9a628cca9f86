"""Full-size checkpoints, rebuilt from their manifests, and the comparison with what upstream answered with them."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from modelscope_swinpan import load_model
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.checkpoints.dialects import Dialect
from modelscope_swinpan.inference.preprocess import preprocess
from tests.checkpoints.dialects.test_registry import BACKBONE, ENCODER, NEW_NAMES, renamed
from tests.conftest import relative_error

IMAGE = "000000439180.jpg"
CONSTANTS = (
    "relative_position_index",
    "num_batches_tracked",
    "criterion.empty_weight",
    ".swin.layernorm.weight",
    ".swin.layernorm.bias",
)


def rebuild(reference: Path, name: str, directory: Path) -> None:
    """Write the model directory of a manifest, in the form its framework saves it."""
    command = [sys.executable, reference / "weights.py", reference / "manifests" / f"{name}.json", directory]
    subprocess.run(command, check=True)


def convert(reference: Path, source: Path, name: str, dialect: Dialect, directory: Path) -> None:
    """Write the model of ``source`` in another dialect, whose manifest is ``name``, to ``directory``."""
    weights = dialect.keymap.write(load_model(source).state_dict())
    if "transformers" in name:  # whose manifest has the names of version 5 in memory
        weights = renamed(weights, *NEW_NAMES, (BACKBONE, ENCODER + "swin."))
    manifest = json.loads((reference / "manifests" / f"{name}.json").read_text())
    assert {key: list(tensor.shape) for key, tensor in weights.items() if not key.endswith(CONSTANTS)} == {
        key: shape for key, (shape, _) in manifest.items() if not key.endswith(CONSTANTS)
    }
    names = [category.name for category in COCO_PANOPTIC]
    if "transformers" in name:
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        config = {"model_type": "mask2former", "id2label": dict(enumerate(names))}
        (directory / "config.json").write_text(json.dumps(config))
    else:
        torch.save({"meta": {"dataset_meta": {"classes": names}}, "state_dict": weights}, directory / "model.pth")
        (directory / "configuration.json").write_text("{}")


def pixel_values(reference: Path, config) -> torch.Tensor:
    """The photo that upstream was asked about, preprocessed."""
    image = np.ascontiguousarray(cv2.imread(str(reference / "images" / IMAGE))[..., ::-1])
    return preprocess([image], config).pixel_values


def errors(class_logits: torch.Tensor, mask_logits: torch.Tensor, expected) -> dict[str, float]:
    """Relative errors against upstream's answers, mask logits where those were kept."""
    return {
        "class_logits": relative_error(class_logits[0], expected["class_logits"]),
        "mask_logits": relative_error(mask_logits[0][:, expected["ys"], expected["xs"]], expected["mask_points"]),
    }
