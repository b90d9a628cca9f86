"""What tiles change on large photos of small things: panoptic quality, time and memory, without them and with them."""

import dataclasses
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoints.load import load_model
from ..coco.writer import CocoPanopticWriter
from ..evaluation.callback import panoptic_figures
from ..evaluation.metrics import panoptic_quality
from ..inference.predictor import PanopticPredictor, Predictor, Result
from ..inference.tiles import TiledPredictor
from ..scenes.compose import SCENE_CATEGORIES
from ..scenes.dataset import generate_scene
from .process import measure, summary


def bench_tiles(
    model: Path, scenes: int, size: tuple[int, int], far: float, side: int | None, device: str, dtype: str
) -> dict[str, Any]:
    """PQ in percent, median seconds and peak memory over so many generated scenes, whole and in tiles of a side.

    Scenes are of a size (height, width) in pixels, and seen from ``far`` times as high
    (:func:`~modelscope_swinpan.scenes.dataset.generate_scene`): their things are small.
    """
    plain = PanopticPredictor(load_model(model, device=device, dtype=dtype))
    tiled = TiledPredictor(plain, side=side)
    things: list[int] = []
    with tempfile.TemporaryDirectory() as temporary:
        truth, first, second = (CocoPanopticWriter(Path(temporary, f"{n}.json"), SCENE_CATEGORIES) for n in range(3))
        trials = {"whole": _Trial(plain, first), "tiles": _Trial(tiled, second)}
        with truth, first, second:
            for seed in range(scenes):
                scene, name = generate_scene(seed, size, far=far), f"{seed}.png"
                things += [segment.area for segment in scene.segments if SCENE_CATEGORIES[segment.label_id].isthing]
                truth.add_annotation(name, name, scene)
                for trial in trials.values():
                    trial.predict(scene.image, name)
        found = {name: trial.figures(truth) for name, trial in trials.items()}
    return {
        "device": device,
        "dtype": dtype,
        "size": size,
        "far": far,
        "scenes": scenes,
        "things": len(things),
        "thing_pixels_median": median(things),
        "tile_side": tiled.side,
        **found,
    }


class _Trial:
    """A predictor, what it says, and what that takes."""

    def __init__(self, predictor: Predictor, writer: CocoPanopticWriter) -> None:
        self._predictor = predictor
        self._writer = writer
        self._measured: list[dict[str, Any]] = []

    def predict(self, image: npt.NDArray[np.uint8], name: str) -> None:
        """Segment a photo, and write what is of the scenes' categories."""
        results: list[Result] = []
        self._measured.append(measure(lambda: results.extend(self._predictor.predict([image]))))
        result = results[0].to_panoptic()
        known = {category.id for category in SCENE_CATEGORIES}
        segments = tuple(segment for segment in result.segments if segment.category_id in known)
        self._writer.add(name, name, dataclasses.replace(result, segments=segments))

    def figures(self, truth: CocoPanopticWriter) -> dict[str, Any]:
        """Time, memory and quality over all photos, once the files are complete."""
        contents = (json.loads(writer.json_path.read_bytes()) for writer in (truth, self._writer))
        quality = panoptic_quality(next(contents), truth.png_folder, next(contents), self._writer.png_folder)
        return {**summary(self._measured), **{name: round(x, 2) for name, x in panoptic_figures(quality).items()}}
