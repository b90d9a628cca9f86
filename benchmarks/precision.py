"""What a reduced precision changes: its results, scored with those of float32 as the truth."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from modelscope_swinpan.checkpoints.load import load_model
from modelscope_swinpan.cli.bench import DeviceOption
from modelscope_swinpan.cli.options import DtypeOption
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import CocoPanopticWriter
from modelscope_swinpan.evaluation.evaluate import score
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.scenes.dataset import generate_scene


def bench_precision(
    model: Annotated[Path, typer.Option(metavar="DIR", help="A trained model's directory.")],
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A photo. Repeatable.", show_default="generated scenes")
    ] = None,
    scenes: Annotated[int, typer.Option(metavar="N", min=1, help="Number of generated scenes.")] = 100,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "bfloat16",
) -> dict[str, Any]:
    """Score a reduced precision with the results of float32 as the truth: PQ in percent, and the share of equal pixels.

    Only a trained model gives a meaningful answer.
    """
    images = [decode_image(photo) for photo in image or ()] or [generate_scene(seed).image for seed in range(scenes)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        expected = _answers(model, device, "float32", images, folder / "float32.json")
        found = _answers(model, device, dtype, images, folder / "other.json")
        quality = score(CocoPanoptic.open(folder / "float32.json"), folder / "other.json").panoptic
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
    """Segment all images, write the results as a COCO panoptic dataset, and return them."""
    predictor = PanopticPredictor(load_model(model, device=device, dtype=dtype))
    results = [predictor.predict([image])[0].to_panoptic() for image in images]
    with CocoPanopticWriter(path, predictor.model.config.categories) as writer:
        for number, result in enumerate(results):
            writer.add(f"{number}.png", f"{number}.png", result)
    return results
