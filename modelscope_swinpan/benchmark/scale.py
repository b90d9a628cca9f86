"""Time and memory as photos and answers grow, as a plot."""

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..checkpoints.load import load_model
from ..files import write_atomic
from ..inference.predictor import PanopticPredictor
from ..scenes.dataset import generate_scene
from .fusion import bench_postprocess
from .loading import read_weights
from .process import measure, peak_resident, repeat, resident
from .random_model import PHOTO, write_random_model

MEGAPIXELS = (0.3, 1, 3, 6, 12, 25, 50)
QUERIES = (1, 3, 10, 30, 60, 100, 200)
PHOTO_OF_QUERIES = (4000, 3000)
SEEN = 1600
"""Long side in pixels of the generated photo that larger ones are enlarged from."""


def bench_scale(model: Path | None, plot: Path, dtype: str, runs: int) -> dict[str, Any]:
    """Seconds and peak memory beyond the weights: of whole photos of 3 : 2, and of the fusion alone.

    Each measurement is a fresh process; of the model's, the second image counts, and the photo's own pixels do.
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
    """One photo of (height, width), decoded already, through a model that has seen a small one before."""
    predictor = PanopticPredictor(load_model(directory, dtype=dtype))
    read_weights(predictor.model)
    weights = resident()
    predictor.predict([generate_scene(0, PHOTO).image])
    seen = min(1.0, SEEN / max(size))
    image = generate_scene(0, (round(size[0] * seen), round(size[1] * seen))).image
    image = np.ascontiguousarray(cv2.resize(image, size[::-1]))
    found = measure(lambda: predictor.predict([image]))
    return {**found, "peak_bytes": peak_resident() - weights}


def _plot(path: Path, photos: list[dict[str, Any]], fusions: list[dict[str, Any]]) -> None:
    import io

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
        for row in range(2):
            panels[row, column].set_ylim(bottom=0)
            panels[row, column].grid(alpha=0.3)
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("peak memory beyond the weights (GiB)")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    write_atomic(path, png.getvalue())
