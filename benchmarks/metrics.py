"""Time and memory of average precision, by hotcoco (which we use) and by pycocotools."""

import contextlib
import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from modelscope_swinpan.benchmark.process import measure
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.cli.bench import RunsOption
from modelscope_swinpan.coco.writer import category_entries
from modelscope_swinpan.evaluation.metrics import AveragePrecision, evaluate_instances, load_hotcoco, precision_figures
from modelscope_swinpan.extras import require

from .repeat import repeat

HEIGHT, WIDTH = 480, 640
TRUE, FOUND = 7, 100
"""True instances of an image (COCO's average), and predictions (the most that average precision considers)."""
KINDS = ("bbox", "segm")


def bench_metrics(
    images: Annotated[int, typer.Option(metavar="N", min=1, help="Images with a hundred predictions each.")] = 500,
    runs: RunsOption = 3,
) -> dict[str, Any]:
    """Time box and mask AP from JSON files, by hotcoco (ours) and by pycocotools. time_ratio is ours / pycocotools."""
    require("This measurement", "pycocotools.cocoeval")
    with tempfile.TemporaryDirectory() as folder:
        write_instances(Path(folder), images)
        ours, theirs = (repeat(runs, work, folder) for work in (score, score_with_pycocotools))
    ratio = round(ours["seconds"] / theirs["seconds"], 3)
    return {"images": images, "instances": images * FOUND, "ours": ours, "pycocotools": theirs, "time_ratio": ratio}


def score(folder: str) -> dict[str, Any]:
    """Measure the average precision of boxes and masks."""
    load_hotcoco()
    return measure(lambda: [average_precision(Path(folder), kind) for kind in KINDS])


def average_precision(folder: Path, kind: str) -> AveragePrecision:
    """What :func:`write_instances` gives for boxes (``bbox``) or masks (``segm``)."""
    return precision_figures(evaluate_instances(folder / "truth.json", _results(folder, kind), kind))


def score_with_pycocotools(folder: str) -> dict[str, Any]:
    """Measure the same with pycocotools."""
    coco = importlib.import_module("pycocotools.coco")
    evaluation = importlib.import_module("pycocotools.cocoeval")

    def work() -> None:
        truth = coco.COCO(str(Path(folder, "truth.json")))
        for kind in KINDS:
            run = evaluation.COCOeval(truth, truth.loadRes(str(_results(folder, kind))), kind)
            run.evaluate()
            run.accumulate()
            run.summarize()

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        return measure(work)


def write_instances(folder: Path, images: int, seed: int = 0) -> None:
    """Write ``truth.json`` and results like a model's: :data:`TRUE` predictions near the truth, the others anywhere."""
    mask = load_hotcoco().mask
    rng = np.random.default_rng(seed)
    things = [category for category in COCO_PANOPTIC if category.isthing]
    truth: list[dict[str, Any]] = []
    results: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for image_id in range(1, images + 1):
        true = _outlines(rng, TRUE)
        wrong = _outlines(rng, FOUND - TRUE)
        found = np.concatenate([true + rng.normal(0, 4, true.shape), wrong])
        categories = rng.choice([thing.id for thing in things], FOUND).tolist()
        scores = np.concatenate([rng.uniform(0.3, 1, TRUE), rng.uniform(0, 0.5, FOUND - TRUE)]).round(6).tolist()
        for number, outline in enumerate(true):
            rle = mask.fr_poly(outline.flatten().tolist(), HEIGHT, WIDTH)
            entry = {"id": len(truth) + 1, "image_id": image_id, "category_id": categories[number], "iscrowd": 0}
            truth.append({**entry, "area": int(mask.area(rle)), **_shapes(mask, rle)})
        for category, score_, outline in zip(categories, scores, found, strict=True):
            shapes = _shapes(mask, mask.fr_poly(outline.flatten().tolist(), HEIGHT, WIDTH))
            result = {"image_id": image_id, "category_id": category, "score": score_}
            results["bbox"].append({**result, "bbox": shapes["bbox"]})
            results["segm"].append({**result, "segmentation": shapes["segmentation"]})
    listed = [{"id": image_id, "height": HEIGHT, "width": WIDTH} for image_id in range(1, images + 1)]
    content = {"images": listed, "annotations": truth, "categories": category_entries(things)}
    (folder / "truth.json").write_text(json.dumps(content), encoding="utf-8")
    for kind in KINDS:
        _results(folder, kind).write_text(json.dumps(results[kind]), encoding="utf-8")


def _outlines(rng: np.random.Generator, number: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Irregular ellipses of 24 corners within the image, (number, 24, 2), x and y in pixels."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    size = np.exp(rng.uniform(np.log(8), np.log(200), (number, 1, 2)))
    centre = rng.uniform(0, (WIDTH, HEIGHT), (number, 1, 2))
    wobble = rng.uniform(0.7, 1, (number, 24, 1))
    outline = centre + size * wobble * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    clipped: np.ndarray[Any, np.dtype[np.float64]] = outline.clip(0, (WIDTH, HEIGHT))
    return clipped


def _shapes(mask: Any, rle: dict[str, Any]) -> dict[str, Any]:
    counts = rle["counts"].decode()
    return {"bbox": mask.to_bbox(rle).tolist(), "segmentation": {"size": rle["size"], "counts": counts}}


def _results(folder: str | Path, kind: str) -> Path:
    return Path(folder, f"{kind}.json")
