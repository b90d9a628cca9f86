"""Draw the pictures of results.md, README's and the demo's beside this file: ``python docs/draw_results.py``.

Those of results.md show a generated scene and its truth, so they do not depend on a model.
"""

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image

from modelscope_swinpan import InstanceResult, PanopticPredictor, PanopticResult, load_model
from modelscope_swinpan.cli.demo import demo as write_demo
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.scenes.compose import SCENE_CATEGORIES
from modelscope_swinpan.scenes.dataset import generate_scene
from modelscope_swinpan.training.samples import truth

COLORS = 256
"""The colours of a written picture: few keep the file small."""
CUT = (191, 20, 640, 322)
"""The part of README's picture that is shown: no label is cut, and a phone shows its letters large enough."""
DEMO_CUT = (46, 58, 590, 412)
"""The same of the demo's two pictures."""
GAP = 6


def overlay() -> Image.Image:
    """The answer of the embedded model to another scene."""
    scene = Image.fromarray(generate_scene(11).image)
    return PanopticPredictor(load_model("embedded"))(scene).to_pil(scene).crop(CUT)


def demo() -> Image.Image:
    """What ``swinpan demo`` writes, but the truth above the answer: a phone shows the letters large enough."""
    with tempfile.TemporaryDirectory() as folder:
        write_demo(Path(folder))
        both = Image.open(Path(folder, "segmented.png")).convert("RGB")
    left, top, right, bottom = DEMO_CUT
    parts = [both.crop((start + left, top, start + right, bottom)) for start in (0, both.width // 2)]
    picture = Image.new("RGB", (right - left, 2 * (bottom - top) + GAP), "white")
    picture.paste(parts[0], (0, 0))
    picture.paste(parts[1], (0, bottom - top + GAP))
    return picture


def draw() -> dict[str, Image.Image]:
    """The pictures by the last part of their name."""
    scene = generate_scene(0, (288, 384))
    photo = Image.fromarray(scene.image)
    panoptic = truth(scene, SCENE_CATEGORIES)
    _, png = panoptic.to_coco(1)
    boat = next(segment for segment in panoptic.segments if segment.label == "boat")
    (rle,) = replace(panoptic, segments=(boat,)).to_rle()
    return {
        "panoptic": panoptic.to_pil(photo),
        "instance": _instances(panoptic).to_pil(photo),
        "semantic": _classes(panoptic).to_pil(photo),
        "colours": panoptic.to_pil(),
        "notebook": Image.open(io.BytesIO(panoptic._repr_png_())),
        "supervision": _outlines(panoptic, photo),
        "coco": png.point(lambda number: 30 * number),  # the ids of a few segments look black
        "rle": Image.fromarray(sv.rle_to_mask(rle["counts"], rle["size"][::-1])).convert("RGB"),
    }


def _instances(panoptic: PanopticResult) -> InstanceResult:
    """The things alone."""
    things = [segment for segment in panoptic.segments if segment.isthing]
    masks = np.stack([panoptic.mask(segment) for segment in things])
    segments = tuple(replace(segment, id=number) for number, segment in enumerate(things, start=1))
    return InstanceResult(masks, segments, categories=panoptic.categories)


def _classes(panoptic: PanopticResult) -> PanopticResult:
    """The classes alone: one segment each."""
    ids = np.zeros_like(panoptic.panoptic_seg)
    for segment in panoptic.segments:
        ids[panoptic.mask(segment)] = segment.label_id + 1
    annotation = annotate(ids, {segment.label_id + 1: segment.label_id for segment in panoptic.segments})
    return truth(annotation, panoptic.categories)


def _outlines(panoptic: PanopticResult, photo: Image.Image) -> Image.Image:
    """What supervision draws of the things: their outlines."""
    detections = panoptic.to_supervision()
    things = detections[np.array([segment.isthing for segment in panoptic.segments])]
    picture = sv.PolygonAnnotator(thickness=3).annotate(photo.copy(), things)
    return sv.LabelAnnotator(text_scale=0.4, text_padding=4, text_position=sv.Position.CENTER).annotate(picture, things)


if __name__ == "__main__":
    results = {f"results-{name}": one for name, one in draw().items()}
    for name, picture in {"overlay": overlay(), "demo": demo(), **results}.items():
        picture.quantize(COLORS).save(Path(__file__).with_name(f"{name}.png"), optimize=True)
