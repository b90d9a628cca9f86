"""A card's figures: those of a report that ``swinpan eval`` wrote, about the very weights in the model directory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoints.files.source import read_json
from ..checkpoints.load import load_model
from ..config import from_mapping
from ..errors import ConfigError
from ..evaluation.callback import figures
from ..evaluation.metrics import AveragePrecision, PanopticQuality, Quality
from ..evaluation.report import Report
from ..inference.identity import describe_model

NAMES: Mapping[str, str] = {
    "pq": "PQ",
    "pq_things": "PQ (things)",
    "pq_stuff": "PQ (stuff)",
    "sq": "SQ",
    "rq": "RQ",
    "box_ap": "box mAP",
    "mask_ap": "mask mAP",
}
"""What the figures of :func:`~modelscope_swinpan.evaluation.callback.figures` are called in a card."""

TOLD: Mapping[str, type] = {"weights_sha256": str, "dtype": str, "images": int, "panoptic_truth": str, "version": str}
"""What a report tells about itself and a card repeats or relies on."""

PLACES = ("model", "predictions")
"""What a report tells of the machine that it was made on, which is nobody's business."""


def read_report(path: Path) -> Report:
    """A report of ``swinpan eval``, without the categories, which its JSON does not hold.

    Raises:
        ConfigError: it is missing, none, or one of predictions that were made elsewhere.
    """
    content = read_json(path)
    try:
        report = Report(
            panoptic=_panoptic(content["panoptic"]),
            box_ap=_precision(content["box_ap"]),
            mask_ap=_precision(content["mask_ap"]),
            categories=(),
            evaluated=dict(content["evaluated"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{path} is not what swinpan eval writes ({type(error).__name__}: {error}). Give it its report.json."
        ) from None
    for name, kind in TOLD.items():
        if type(report.evaluated.get(name)) is not kind:
            raise ConfigError(
                f"{path}: evaluated.{name} is missing, so that nobody knows what the figures are of. Run swinpan "
                "eval on the model directory, not on predictions."
            )
    return report


def check_weights(report: Report, directory: Path) -> None:
    """Raise a ConfigError unless the report is of the weights, classes and preprocessing that ``directory`` holds."""
    model = load_model(directory, dtype=report.evaluated["dtype"])
    if describe_model(model, model.config.postprocess)["weights_sha256"] != report.evaluated["weights_sha256"]:
        raise ConfigError(
            f"The figures are of another model than the one in {directory}: other weights, classes or preprocessing. "
            f"Evaluate this one: swinpan eval --model {directory} …"
        )


def kept(path: Path) -> bytes:
    """The JSON of a report as it is published: without the places that it names."""
    content = read_json(path)
    evaluated = {name: value for name, value in content["evaluated"].items() if name not in PLACES}
    return json.dumps({**content, "evaluated": evaluated}, indent=2).encode()


def named_figures(report: Report) -> dict[str, float]:
    """The figures there are, in percent to two places, by the names that a card has for them."""
    return {NAMES[name]: round(value, 2) for name, value in figures(report).items() if not math.isnan(value)}


def _panoptic(values: Mapping[str, Any]) -> PanopticQuality:
    parts = {name: values[name] and _quality(values[name]) for name in ("all", "things", "stuff")}
    return PanopticQuality(**parts, per_class={int(id_): _quality(found) for id_, found in values["per_class"].items()})


def _quality(values: Mapping[str, Any]) -> Quality:
    quality = from_mapping(Quality, values, "panoptic")
    _check_percent(quality.pq, quality.sq, quality.rq)
    return quality


def _precision(values: Mapping[str, Any] | None) -> AveragePrecision | None:
    if values is None:
        return None
    per_class = {int(id_): value for id_, value in values["per_class"].items()}
    named = {name: value for name, value in values.items() if name != "per_class"}
    _check_percent(*per_class.values(), *(value for value in named.values() if value is not None))
    return AveragePrecision(**named, per_class=per_class)


def _check_percent(*values: Any) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise ValueError(f"{value!r} is no figure in percent")
