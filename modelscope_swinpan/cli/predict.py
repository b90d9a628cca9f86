"""``swinpan predict`` and ``swinpan demo``: images in, tables, pictures and COCO panoptic files out."""

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table
from rich.text import Text

from ..errors import ImageError
from ..files import file_stem, write_atomic
from .console import complain, one_line_errors, out, say
from .options import (
    DEFAULT_MODEL,
    BatchSizeOption,
    DeviceOption,
    DtypeOption,
    InstanceThresholdOption,
    MaskThresholdOption,
    ModelOption,
    OutputOption,
    OverlapThresholdOption,
    TaskOption,
    TileSideOption,
    TilesOption,
    load_predictor,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from ..inference.predictor import PanopticPredictor
    from ..inference.results import Segmentation

DEMO_SEED = 3
"""Of the demo's scene, below those for training."""


def predict(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="Image files or http(s) URLs.")],
    model: ModelOption = DEFAULT_MODEL,
    output: OutputOption = Path("swinpan-output"),
    device: DeviceOption = None,
    dtype: DtypeOption = "float32",
    scores: Annotated[
        Literal["real", "virtual"],
        typer.Option(
            metavar="KIND",
            help="real: class × mask probability, 0–1. virtual: 0.999 for all, as upstream has it.",
        ),
    ] = "real",
    batch_size: BatchSizeOption = 1,
    tiles: TilesOption = False,
    tile_side: TileSideOption = None,
    task: TaskOption = None,
    object_mask_threshold: MaskThresholdOption = None,
    overlap_threshold: OverlapThresholdOption = None,
    instance_threshold: InstanceThresholdOption = None,
) -> None:
    """Segment images.

    Prints a table of segments for every image and writes overlays/NAME.png, a picture of them, and the COCO panoptic
    files panoptic.json and panoptic/NAME.png; of instances, which these hold as far as nothing better covers them,
    also instances.json, COCO's result format. An image that cannot be read is reported, the others go on, and the exit
    status is 1.
    """
    thresholds = {
        "object_mask_threshold": object_mask_threshold,
        "overlap_threshold": overlap_threshold,
        "instance_threshold": instance_threshold,
    }
    with one_line_errors():
        from ..inference.tiles import tiled

        loaded = load_predictor(model, device, dtype, batch_size, task=task, **thresholds)
        predictor = tiled(loaded, tile_side or tiles)
        failed = _segment_all(images, predictor, output, virtual=scores == "virtual")
        say(f"The results are in {output}")
    if failed:
        complain(f"{failed} of {len(images)} images could not be segmented.")
        raise typer.Exit(1)


def demo(output: OutputOption = Path("swinpan-demo")) -> None:
    """Try ModelScope's pipeline on a generated scene, and see its answer beside the truth.

    The small model that comes with this package was trained on such scenes, but not on this one. Nothing is downloaded.
    """
    from PIL import Image

    from ..checkpoints.load import EMBEDDED
    from ..inference.results import PanopticResult
    from ..scenes.compose import SCENE_CATEGORIES
    from ..scenes.dataset import generate_scene
    from ..structures import Segment
    from ..training.samples import Shown, beside_truth, truth

    scene = generate_scene(DEMO_SEED)
    photo, picture = output / "scene.png", output / "segmented.png"
    with one_line_errors():
        from ..plugin.pipeline import build_pipeline

        _write_png(photo, Image.fromarray(scene.image))
        pipeline = build_pipeline(EMBEDDED)
        answer = pipeline(str(photo))
        categories = pipeline.predictor.model.config.categories
        segments = tuple(Segment(**segment) for segment in answer["segments_info"])
        result = PanopticResult(answer["panoptic_seg"], segments, void_id=len(categories), categories=categories)
        out.print(_table(photo.name, result))
        _write_png(picture, Image.fromarray(beside_truth(Shown(scene.image, truth(scene, SCENE_CATEGORIES)), result)))
        say(f"The truth, and beside it the model's answer, are in {picture}")


def _segment_all(images: Sequence[str], predictor: "PanopticPredictor", output: Path, *, virtual: bool) -> int:
    """Segment, show and write everything; returns how many images could not be read."""
    from PIL import Image

    from ..coco.writer import CocoPanopticWriter
    from ..inference.results import InstanceResult

    categories = predictor.model.config.categories
    sources = list(zip(images, unique_names(images), strict=True))
    failed = 0
    instances = []
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    progress = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    (output / "instances.json").unlink(missing_ok=True)  # of a former run
    with CocoPanopticWriter(output / "panoptic.json", categories) as writer, progress:
        task = progress.add_task("Segmenting", total=len(images))
        for start in range(0, len(images), predictor.batch_size):
            batch = sources[start : start + predictor.batch_size]
            read = [
                (*source, image) for source in batch if (image := _read(source[0], predictor, progress)) is not None
            ]
            results = predictor.predict([image for *_, image in read])
            for (source, name, image), result in zip(read, results, strict=True):
                shown = result.with_virtual_scores() if virtual else result
                out.print(_table(source, shown))
                _write_png(output / "overlays" / f"{name}.png", shown.to_pil(Image.fromarray(image)))
                image_id = writer.add(source, f"{name}.png", shown.to_panoptic())
                if isinstance(shown, InstanceResult):
                    instances += shown.to_coco(image_id)
            failed += len(batch) - len(read)
            progress.advance(task, len(batch))
    if predictor.task == "instance":
        write_atomic(output / "instances.json", json.dumps(instances).encode())
    return failed


def _read(source: str, predictor: "PanopticPredictor", progress: Progress) -> "npt.NDArray[np.uint8] | None":
    """An image that the model can take, or else None and a line that says why."""
    from ..images.decode import decode_image
    from ..inference.preprocess import resized_size
    from ..structures import Size

    try:
        image = decode_image(source)
        resized_size(Size(*image.shape[:2]), predictor.model.config.preprocess)
    except ImageError as error:
        progress.stop()  # lest the line end up in the middle of the bar
        complain(str(error) if source in str(error) else f"{source}: {error}")
        progress.start()
        return None
    return image


def _table(source: str, result: "Segmentation") -> Table:
    height, width = result.shape
    table = Table("label", "kind", title=Text(f"{source} ({width} × {height} pixels)"), title_justify="left")
    table.add_column("score", justify="right")
    table.add_column("area", justify="right")
    table.add_column("box x1 y1 x2 y2", justify="right", no_wrap=True)
    for segment in result.segments:
        kind = "thing" if segment.isthing else "stuff"
        share = f"{segment.area / (width * height):.1%}"
        table.add_row(Text(segment.label), kind, f"{segment.score:.3f}", share, " ".join(map(str, segment.box)))
    if not result.segments:
        table.caption = "Nothing was found."
    return table


def _write_png(path: Path, picture: "Image.Image") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    png = io.BytesIO()
    picture.save(png, "PNG")
    write_atomic(path, png.getvalue())


def unique_names(sources: Sequence[str]) -> list[str]:
    """File names without suffix for the results of ``sources``: their own, numbered where several share one.

    Names that differ in case only count as one: on some disks they are.
    """
    taken: set[str] = set()
    names = []
    for source in sources:
        stem = file_stem(source)
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([stem], numbered) if name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names
