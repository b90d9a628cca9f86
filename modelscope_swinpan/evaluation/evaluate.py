"""From a model and a dataset, or from predictions on disk, to a report. Metrics come last, from the files."""

import dataclasses
import json
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ..coco.check import check_files, check_segments
from ..coco.layout import find_layout
from ..coco.reader import CocoPanoptic
from ..coco.writer import DATASET_JSON
from ..errors import ConfigError, DatasetError
from ..files import content_digest
from ..inference.predictor import Predictor
from ..runs.folder import ERRORS, run_files
from ..runs.formats import CocoPanopticSink
from ..runs.registry import Engine
from ..runs.run import Progress, run_images
from .analysis import analyse
from .compare import compare, read_baseline
from .inputs import dataset_inputs
from .metrics import AveragePrecision, evaluate_instances, instance_errors, load_hotcoco, precision_figures
from .predictions import predicted
from .report import FILES as REPORT_FILES
from .report import Report
from .scorable import check_scorable
from .sinks import BOXES, MASKS, THRESHOLDS, ContestsSink, InstancesSink
from .thresholds import Thresholds, with_present
from .truth import instance_truth

FILES = run_files((CocoPanopticSink, InstancesSink, ContestsSink), REPORT_FILES)
"""The names that :func:`evaluate` may write to in its folder."""
SHOWN_ERRORS = 10


def evaluate(
    predictor: Predictor,
    dataset: CocoPanoptic,
    output: Path,
    *,
    model: str = "",
    limit: int | None = None,
    engine: Engine | None = None,
    made: Mapping[str, Any] | None = None,
    compare_with: Path | None = None,
    thresholds: bool = False,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Predict the images of ``dataset``, the first ``limit`` of them, into the folder ``output``, and score them.

    One forward of a panoptic model gives the panoptic result with the predictor's thresholds and, as upstream
    evaluates, the ``max_instances`` best instances with no threshold. With tiles, the instances of all tiles and of the
    whole photo are merged by the same rule. Predictions that ``output`` holds already, from the same model, options and
    dataset, are not made again. Classes that the model knows and the dataset lacks are left out, as void. Classes are
    matched by their ids, or by their names where the two number classes of the same names differently.

    Args:
        predictor: What to evaluate.
        dataset: Images and truth.
        output: The folder of the run.
        model: A name for the report.
        limit: How many images to look at, by default all. A later call may raise it.
        engine: What does the work; this process, by default. What it loads must be :func:`for_scoring`, with the same
            ``thresholds``.
        made: JSON for ``run.json``, by which the caller knows its own results again.
        compare_with: The folder or report of another evaluation of the same images, to tell what changed since.
        thresholds: Whether to tell PQ with other thresholds, too (:mod:`.thresholds`); not with tiles.
        progress: Called before the first image and after each.

    Returns:
        The report, which ``output`` holds as well.

    Raises:
        ConfigError: no panoptic model, a limit below 1, hotcoco is not installed, ``output`` holds something else, or
            ``thresholds`` are asked for with tiles.
        DatasetError: the dataset is empty, damaged, or its classes are not the model's; some images have no result,
            after the others have; or ``compare_with`` is of other photos, classes or truth.
        DeviceError: the device's memory does not suffice.
        OSError: a file cannot be written.
    """
    load_hotcoco()  # before the work, not after it
    number = _checked_number(dataset, limit)
    ids = check_scorable(predictor.task, predictor.categories, dataset)
    if compare_with is not None:
        read_baseline(compare_with, dataset, number)  # before the work, too
    check_files(dataset, number)
    predictor = for_scoring(predictor, thresholds=thresholds)
    identity = {
        "device": predictor.device if engine is None else engine.device,
        "dataset_sha256": content_digest(dataset.layout.json_path),
    }
    if dataset.exif is not None:
        identity["exif"] = dataset.exif
    reached = run_images(
        predictor,
        dataset_inputs(dataset),
        output,
        sinks=(CocoPanopticSink(ids), InstancesSink(ids), *([ContestsSink(ids)] if thresholds else [])),
        engine=engine,
        limit=number,
        identity={**identity, **(made or {})},
        files=REPORT_FILES,
        retry=True,
        progress=progress,
    )
    if reached.failed:
        _check_whole(output, dataset, number)
    rule = f"the {predictor.postprocess.max_instances} best of each photo"
    identity["instance_rule"] = f"{rule} and its tiles" if predictor.identity()["tiles"] else rule
    evaluated = {"model": model, **predictor.identity(), **identity}
    found = output / CocoPanopticSink.files[0]
    report = score(dataset, found, limit=limit, evaluated=evaluated, compare_with=compare_with)
    report.save(output)
    return report


def _check_whole(output: Path, dataset: CocoPanoptic, number: int) -> None:
    """Raise a DatasetError if one of the first ``number`` images has no result: the score would look complete."""
    ids = {entry.id for entry in dataset.entries[:number]}
    lines = map(json.loads, (output / ERRORS).read_bytes().splitlines())
    reasons = [line["error"] for line in lines if line["image_id"] in ids]
    if reasons:
        listed = "\n".join(reasons[:SHOWN_ERRORS])
        raise DatasetError(
            f"{len(reasons)} of {number} images have no result, so there is no score: it would leave them out. The "
            f"others are done. Mend these, listed in {output / ERRORS}, and give the same command again.\n{listed}"
        )


def for_scoring(predictor: Predictor, *, thresholds: bool = False) -> Predictor:
    """A predictor whose panoptic results carry all instances, whatever their score: average precision looks at all.

    With ``thresholds``, they also carry which query has each pixel with other thresholds.

    Raises:
        ConfigError: ``thresholds`` are asked for with tiles.
    """
    postprocess = dataclasses.replace(predictor.postprocess, instance_threshold=0.0)
    found = predictor.with_options(postprocess=postprocess, instances=True)
    return found.with_options(contested=with_present(postprocess.object_mask_threshold)) if thresholds else found


def score(
    dataset: CocoPanoptic,
    predictions: Path,
    *,
    limit: int | None = None,
    evaluated: dict[str, Any] | None = None,
    compare_with: Path | None = None,
) -> Report:
    """Score the predictions for the first ``limit`` images, in COCO's panoptic format: their folder, or its JSON file.

    Instances are scored where ``boxes.json`` and ``masks.json``, COCO's result formats, lie beside the JSON, and other
    thresholds where ``thresholds.jsonl`` does. ``evaluated`` is what the report tells about how the predictions were
    made. ``compare_with`` is as in :func:`evaluate`.

    Raises:
        ConfigError: a limit below 1, or hotcoco is not installed.
        DatasetError: predictions are missing, or some files are damaged or do not fit; or ``compare_with`` is of other
            photos, classes or truth.
    """
    load_hotcoco()  # before the work, not after it
    number = _checked_number(dataset, limit)
    baseline = None if compare_with is None else read_baseline(compare_with, dataset, number)
    layout = find_layout(predictions)
    kept = layout.json_path.with_name(THRESHOLDS)
    thresholds = Thresholds(kept, dataset, number) if kept.exists() else None
    analysis = analyse(dataset, predicted(layout, dataset, number), thresholds)
    precision, source, lost = _instances(dataset, layout.json_path, number)
    comparison = None if baseline is None else compare(baseline, analysis.photos, dataset)
    figures = {**analysis.figures, "instances": lost, "comparison": comparison}
    return Report(
        panoptic=analysis.quality,
        box_ap=precision.get("bbox"),
        mask_ap=precision.get("segm"),
        categories=dataset.categories,
        analysis=dataclasses.replace(analysis, figures=figures),
        evaluated={
            **(evaluated or {"predictions": str(layout.json_path)}),
            "images": number,
            "panoptic_truth": _told(dataset.layout.json_path),
            "instance_truth": source,
            "versions": {
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in ("modelscope_swinpan", "torch", "hotcoco")},
            },
        },
    )


def _instances(
    dataset: CocoPanoptic, predictions: Path, number: int
) -> tuple[dict[str, AveragePrecision], str | None, dict[str, Any] | None]:
    """Precision of the kinds of instances beside ``predictions``, the source of their truth, and TIDE's figures.

    They are scored one kind after the other, since what hotcoco keeps of each is large.
    """
    results = {"bbox": predictions.with_name(BOXES), "segm": predictions.with_name(MASKS)}
    found = {kind: path for kind, path in results.items() if path.exists()}
    truth = instance_truth(dataset, number) if found else None
    if truth is None:
        return {}, None, None
    (content, source), precision, lost = truth, {}, None
    image_ids = [entry.id for entry in dataset.entries[:number]]
    for kind, path in found.items():
        evaluation = evaluate_instances(content, path, kind, image_ids)
        precision[kind] = precision_figures(evaluation)
        lost = instance_errors(evaluation) if kind == "segm" else lost
    return precision, source, lost


def _told(path: Path) -> str:
    """The name of a JSON file. Ours are all called alike: their folder tells them apart, such as ``val``."""
    return f"{path.absolute().parent.name}/{path.name}" if path.name == DATASET_JSON else path.name


def _checked_number(dataset: CocoPanoptic, limit: int | None) -> int:
    """How many images to look at."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1; got {limit}.")
    if not dataset.entries:
        raise DatasetError(f"{dataset.layout.json_path}: no annotated images, so there is nothing to evaluate.")
    number = min(limit or len(dataset), len(dataset))
    check_segments(dataset, number)
    return number
