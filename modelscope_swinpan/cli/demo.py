"""``swinpan demo``: ModelScope's pipeline on a generated scene, beside the truth."""

from pathlib import Path

from .console import say
from .options import OutputOption

SEED = 3
"""Of the demo's scene, below those for training."""


def demo(output: OutputOption = Path("swinpan-demo")) -> None:
    """Try ModelScope's pipeline on a generated scene, and see its answer beside the truth.

    The small model that comes with this package was trained on such scenes, but not on this one. Nothing is downloaded.
    The results of an earlier demo are replaced.
    """
    from ..checkpoints.load import EMBEDDED
    from ..plugin.pipeline import build_pipeline
    from ..runs.folder import discard, is_of
    from ..runs.inputs import Entry, Inputs
    from ..runs.run import run_images
    from ..runs.sinks import Sink
    from ..scenes.compose import SCENE_CATEGORIES
    from ..scenes.dataset import generate_scene
    from ..training.samples import BesideTruth, Sample, truth
    from .table import TableSink

    scene = generate_scene(SEED)
    sinks: list[Sink] = [
        TableSink(),
        BesideTruth([Sample(scene.image, truth(scene, SCENE_CATEGORIES))], "segmented.png", photo="scene.png"),
    ]
    former = {"sinks": [sink.name for sink in sinks]}
    if is_of(output, former):
        discard(output, former)
    run_images(
        build_pipeline(EMBEDDED).predictor,
        Inputs(entries=lambda: iter([Entry("scene.png", 0)]), read=lambda _: scene.image[..., ::-1]),
        output,
        sinks=sinks,
    )
    say(f"The truth, and beside it the model's answer, are in {output / 'segmented.png'}")
