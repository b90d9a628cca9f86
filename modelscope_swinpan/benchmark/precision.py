"""What a reduced precision changes: its answers scored against those of float32 as if they were the truth."""

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoints.load import load_model
from ..coco.writer import CocoPanopticWriter
from ..evaluation.metrics import panoptic_quality
from ..images.decode import decode_image
from ..inference.predictor import PanopticPredictor
from ..inference.results import PanopticResult
from ..scenes.dataset import generate_scene


def bench_precision(model: Path, photos: Sequence[Path], scenes: int, device: str, dtype: str) -> dict[str, Any]:
    """PQ in percent of ``dtype`` against float32, over ``photos``, or else so many generated scenes, and pixels alike.

    Only a trained model has an answer worth comparing.
    """
    images = [decode_image(photo) for photo in photos] or [generate_scene(seed).image for seed in range(scenes)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        expected = _answers(model, device, "float32", images, folder / "float32.json")
        found = _answers(model, device, dtype, images, folder / "other.json")
        truth, predictions = (json.loads((folder / name).read_text()) for name in ("float32.json", "other.json"))
        quality = panoptic_quality(truth, folder / "float32", predictions, folder / "other")
    same = [(one.panoptic_seg == other.panoptic_seg).mean() for one, other in zip(expected, found, strict=True)]
    return {
        "device": device,
        "dtype": dtype,
        "images": len(images),
        "segments": sum(len(result.segments) for result in expected),
        "quality": quality.all and dataclasses.asdict(quality.all),
        "pixels_of_one_id": round(float(np.mean(same)), 5),
    }


def _answers(
    model: Path, device: str, dtype: str, images: Sequence[npt.NDArray[np.uint8]], path: Path
) -> list[PanopticResult]:
    """The panoptic results of all images, also written as a COCO panoptic dataset."""
    predictor = PanopticPredictor(load_model(model, device=device, dtype=dtype))
    results = [predictor.predict([image])[0].to_panoptic() for image in images]
    with CocoPanopticWriter(path, predictor.model.config.categories) as writer:
        for number, result in enumerate(results):
            writer.add(f"{number}.png", f"{number}.png", result)
    return results
