"""From a model and a dataset, or from predictions on disk, to a report.

Images are decoded and prepared, and predictions encoded and written, in threads beside the model. Metrics come last,
from the files.
"""

import dataclasses
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from ..coco.json import read_json
from ..coco.layout import find_layout, path_inside
from ..coco.reader import CocoPanoptic
from ..errors import ConfigError, DatasetError
from ..inference.predictor import PanopticPredictor
from ..inference.prefetch import map_ahead
from ..inference.tiles import describe_tiles
from .identity import describe_run
from .metrics import average_precision, load_hotcoco, panoptic_quality
from .predict import predict_images
from .predictions import BOXES, MASKS, PANOPTIC, PredictionFolder
from .report import Report
from .truth import instance_truth, panoptic_truth


def evaluate(
    predictor: PanopticPredictor,
    dataset: CocoPanoptic,
    output: Path,
    *,
    model: str = "",
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Predict the images of ``dataset``, the first ``limit`` of them, into the folder ``output``, and score them.

    One run of a panoptic model gives panoptic results with the predictor's thresholds and, as upstream evaluates, the
    ``max_instances`` best instances with no threshold; where it has tiles, the things of the panoptic result instead.
    Predictions that ``output`` holds already, from the same model, options and dataset, are not made again. Classes
    that the model knows and the dataset lacks are left out, as void.

    ``model`` is a name for the report. ``progress`` is told how many images are done, and of how many.

    Raises:
        ConfigError: no panoptic model, a limit below 1, hotcoco is not installed, or ``output`` holds something else.
        DatasetError: the dataset is empty, damaged, or its classes are not the model's.
        DeviceError: the GPU's memory does not suffice.
        OSError: a file cannot be written.
    """
    load_hotcoco()  # before the work, not after it
    entries = dataset.entries[: _checked_number(dataset, limit)]
    config = dataclasses.replace(predictor.postprocess, instance_threshold=0.0)  # average precision looks at all
    run = {**describe_run(predictor.model, config, dataset), "tiles": describe_tiles(predictor)}
    folder = PredictionFolder(output, run)
    todo = [index for index, entry in enumerate(entries) if entry.id not in folder.kept]
    report_progress = progress or (lambda done, total: None)
    report_progress(len(entries) - len(todo), len(entries))
    predictions = predict_images(predictor, dataset, todo, config)
    lines = map_ahead(lambda prediction: folder.encode(*prediction), predictions)
    for done, line in enumerate(lines, start=len(entries) - len(todo) + 1):
        folder.keep(line)
        report_progress(done, len(entries))
    folder.finish(entries, dataset.categories)
    report = score(dataset, output / PANOPTIC, limit=limit, evaluated={"model": model, **run})
    report.save(output)
    return report


def score(
    dataset: CocoPanoptic, predictions: Path, *, limit: int | None = None, evaluated: dict[str, Any] | None = None
) -> Report:
    """Score the predictions for the first ``limit`` images, in COCO's panoptic format: their folder, or its JSON file.

    Instances are scored where ``boxes.json`` and ``masks.json``, COCO's result formats, lie beside the JSON.
    ``evaluated`` is what the report tells about how the predictions were made.

    Raises:
        ConfigError: a limit below 1, or hotcoco is not installed.
        DatasetError: predictions are missing, or some files are damaged or do not fit.
    """
    number = _checked_number(dataset, limit)
    layout = find_layout(predictions)
    truth = panoptic_truth(dataset, number)
    image_ids = [entry.id for entry in dataset.entries[:number]]
    found = _predicted(layout.json_path, layout.panoptic, image_ids)
    quality = panoptic_quality(truth, dataset.layout.panoptic, found, layout.panoptic)
    results = {"bbox": layout.json_path.with_name(BOXES), "segm": layout.json_path.with_name(MASKS)}
    instances = instance_truth(dataset, number) if any(path.exists() for path in results.values()) else None
    precision = {
        kind: average_precision(instances.content, path, kind, image_ids)
        for kind, path in results.items()
        if instances and path.exists()
    }
    return Report(
        panoptic=quality,
        box_ap=precision.get("bbox"),
        mask_ap=precision.get("segm"),
        categories=dataset.categories,
        evaluated={
            **(evaluated or {"predictions": str(layout.json_path)}),
            "images": number,
            "panoptic_truth": dataset.layout.json_path.name,
            "instance_truth": instances.source if instances else None,
            "versions": {
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in ("modelscope_swinpan", "torch", "hotcoco")},
            },
        },
    )


def _predicted(path: Path, pngs: Path, image_ids: Sequence[int]) -> dict[str, Any]:
    """The panoptic predictions for some images.

    Raises:
        DatasetError: some are missing, or the name of a PNG leads out of its folder.
    """
    found = {node.field("image_id", int): node for node in read_json(path).each("annotations")}
    if missing := [id_ for id_ in image_ids if id_ not in found]:
        raise DatasetError(
            f"{path}: no prediction for {len(missing)} of {len(image_ids)} images, image {missing[0]} for one."
        )
    for id_ in image_ids:
        path_inside(pngs, found[id_].field("file_name", str), f"{found[id_].where}.file_name")
    return {"annotations": [found[id_].value for id_ in image_ids]}


def _checked_number(dataset: CocoPanoptic, limit: int | None) -> int:
    """How many images to look at."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1; got {limit}.")
    if not dataset.entries:
        raise DatasetError(f"{dataset.layout.json_path}: no annotated images.")
    return min(limit or len(dataset), len(dataset))
