"""What tiles change on large photos of small things: panoptic quality, time and memory."""

import dataclasses
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from modelscope_swinpan.benchmark.process import measure
from modelscope_swinpan.checkpoints.load import load_model
from modelscope_swinpan.cli.bench import DeviceOption
from modelscope_swinpan.cli.console import read_size
from modelscope_swinpan.cli.options import DtypeOption, TileSideOption
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import CocoPanopticWriter
from modelscope_swinpan.evaluation.callback import panoptic_figures
from modelscope_swinpan.evaluation.evaluate import score
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.inference.predictor import Predictor, Result
from modelscope_swinpan.inference.tiles import TiledPredictor
from modelscope_swinpan.scenes.compose import SCENE_CATEGORIES
from modelscope_swinpan.scenes.dataset import generate_scene

from .repeat import summary


def bench_tiles(
    model: Annotated[Path, typer.Option(metavar="DIR", help="A model directory, trained on generated scenes.")],
    scenes: Annotated[int, typer.Option(metavar="N", min=1, help="Number of scenes.")] = 10,
    size: Annotated[str, typer.Option(metavar="HxW", help="Height and width of a scene in pixels.")] = "3000x4000",
    far: Annotated[
        float, typer.Option(metavar="F", min=1, max=20, help="Height of the viewpoint: things are F times smaller.")
    ] = 12,
    tile_side: TileSideOption = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "float32",
) -> dict[str, Any]:
    """Measure PQ in percent, time and memory on large generated scenes of small things, without tiles and with them."""
    shape = read_size(size)
    plain = PanopticPredictor(load_model(model, device=device, dtype=dtype))
    tiled = TiledPredictor(plain, side=tile_side)
    things: list[int] = []
    with tempfile.TemporaryDirectory() as temporary:
        truth, first, second = (CocoPanopticWriter(Path(temporary, f"{n}.json"), SCENE_CATEGORIES) for n in range(3))
        trials = {"whole": _Trial(plain, first), "tiles": _Trial(tiled, second)}
        with truth, first, second:
            for seed in range(scenes):
                scene, name = generate_scene(seed, shape, far=far), f"{seed}.png"
                things += [segment.area for segment in scene.segments if SCENE_CATEGORIES[segment.label_id].isthing]
                truth.add_annotation(name, name, scene)
                for trial in trials.values():
                    trial.predict(scene.image, name)
        found = {name: trial.figures(truth) for name, trial in trials.items()}
    return {
        "device": device,
        "dtype": dtype,
        "size": shape,
        "far": far,
        "scenes": scenes,
        "things": len(things),
        "thing_pixels_median": median(things),
        "tile_side": tiled.side,
        **found,
    }


class _Trial:
    """A predictor with its predictions and measurements."""

    def __init__(self, predictor: Predictor, writer: CocoPanopticWriter) -> None:
        self._predictor = predictor
        self._writer = writer
        self._measured: list[dict[str, Any]] = []

    def predict(self, image: npt.NDArray[np.uint8], name: str) -> None:
        """Segment a photo, and write its segments of the scenes' categories."""
        results: list[Result] = []
        self._measured.append(measure(lambda: results.extend(self._predictor.predict([image]))))
        result = results[0].to_panoptic()
        known = {category.id for category in SCENE_CATEGORIES}
        segments = tuple(segment for segment in result.segments if segment.category_id in known)
        self._writer.add(name, name, dataclasses.replace(result, segments=segments))

    def figures(self, truth: CocoPanopticWriter) -> dict[str, Any]:
        """Time, memory and quality over all photos. Call it after the files are complete."""
        quality = score(CocoPanoptic.open(truth.json_path), self._writer.json_path).panoptic
        return {**summary(self._measured), **{name: round(x, 2) for name, x in panoptic_figures(quality).items()}}
