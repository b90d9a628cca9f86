"""Time and memory by the size of the photo and by the number of kept queries, as a plot."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from modelscope_swinpan.benchmark.implementations import read_weights
from modelscope_swinpan.benchmark.process import measure, peak_above, resident
from modelscope_swinpan.benchmark.random_model import PHOTO, write_random_model
from modelscope_swinpan.checkpoints.load import load_model
from modelscope_swinpan.cli.bench import ModelOption, RunsOption
from modelscope_swinpan.cli.options import DtypeOption
from modelscope_swinpan.files import atomic
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.scenes.dataset import generate_scene

from .postprocess import bench_postprocess
from .repeat import repeat

MEGAPIXELS = (0.3, 1, 3, 6, 12, 25, 50)
QUERIES = (1, 3, 10, 30, 60, 100, 200)
PHOTO_OF_QUERIES = (4000, 3000)
GENERATED_SIDE = 1600
"""Longest side in pixels of a generated photo. Larger photos are enlarged from it."""


def bench_scale(
    plot: Annotated[Path, typer.Option(metavar="FILE", help="PNG to write.")] = Path("scale.png"),
    model: ModelOption = None,
    dtype: DtypeOption = "float32",
    runs: RunsOption = 1,
) -> dict[str, Any]:
    """Plot time and memory as photos grow to 50 megapixels, and as kept queries grow to 200 in the fusion alone.

    Each measurement runs in a fresh process. Memory is the peak beyond the weights, with the photo's own pixels. The
    model sees a small photo first.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = model or write_random_model(Path(temporary, "model"))
        photos = []
        for megapixels in MEGAPIXELS:
            height = round((megapixels * 1e6 / 1.5) ** 0.5)
            size = (height, round(height * 1.5))
            photos.append({"megapixels": megapixels, **repeat(runs, segment, str(directory), size, dtype)})
    fusions = [bench_postprocess(*PHOTO_OF_QUERIES, queries, runs) for queries in QUERIES]
    _plot(plot, photos, fusions)
    return {"dtype": dtype, "photos": photos, "fusion": fusions}


def segment(directory: str, size: tuple[int, int], dtype: str) -> dict[str, Any]:
    """Measure one decoded photo of (height, width), after a small one."""
    predictor = PanopticPredictor(load_model(directory, dtype=dtype))
    read_weights(predictor.model)
    weights = resident()
    predictor.predict([generate_scene(0, PHOTO).image])
    factor = min(1.0, GENERATED_SIDE / max(size))
    image = generate_scene(0, (round(size[0] * factor), round(size[1] * factor))).image
    image = np.ascontiguousarray(cv2.resize(image, size[::-1]))
    found = measure(lambda: predictor.predict([image]))
    return {**found, "peak_bytes": peak_above(weights)}


def _plot(path: Path, photos: list[dict[str, Any]], fusions: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex="col")
    sides = (
        ("megapixels", "Photo (megapixels), the whole way", photos),
        ("queries", "Kept queries, fusion of 12 megapixels", fusions),
    )
    for column, (key, label, found) in enumerate(sides):
        x = [one[key] for one in found]
        panels[0, column].plot(x, [one["seconds"] for one in found], "o-")
        panels[1, column].plot(x, [one["peak_bytes"] / 2**30 for one in found], "o-")
        panels[1, column].set_xlabel(label)
        for row, ylabel in enumerate(("seconds", "peak memory beyond the weights (GiB)")):
            panels[row, column].set_ylim(bottom=0)
            panels[row, column].set_ylabel(ylabel)
            panels[row, column].grid(alpha=0.3)
    with atomic(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
