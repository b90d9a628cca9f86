"""The figures of a card. They come from a report of ``swinpan eval`` on the same weights."""

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
from ..inference.identity import weights_digest

NAMES: Mapping[str, str] = {
    "pq": "PQ",
    "pq_things": "PQ (things)",
    "pq_stuff": "PQ (stuff)",
    "sq": "SQ",
    "rq": "RQ",
    "box_ap": "box mAP",
    "mask_ap": "mask mAP",
}
"""Names in a card for the figures of :func:`~modelscope_swinpan.evaluation.callback.figures`."""

EVALUATED: Mapping[str, type] = {
    "weights_sha256": str,
    "dtype": str,
    "images": int,
    "panoptic_truth": str,
    "version": str,
}
"""Entries of a report's ``evaluated`` that a card needs, and their types."""

PRIVATE = ("model", "predictions")
"""Entries of a report's ``evaluated`` that are not published: paths on the machine of the evaluation."""


def read_report(path: Path) -> Report:
    """Read a report of ``swinpan eval``. Its categories are empty: the JSON does not hold them.

    Raises:
        ConfigError: the file is missing, is no such report, or scores predictions of an unknown model.
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
            f"{path} is no report.json of swinpan eval ({type(error).__name__}: {error}). Give one."
        ) from None
    for name, kind in EVALUATED.items():
        if type(report.evaluated.get(name)) is not kind:
            raise ConfigError(
                f"{path}: evaluated.{name} is missing, so the model is unknown. Run swinpan eval on the model "
                "directory, not on predictions."
            )
    return report


def check_weights(report: Report, directory: Path) -> None:
    """Raise a ConfigError unless the report evaluates the weights, classes and preprocessing in ``directory``."""
    model = load_model(directory, dtype=report.evaluated["dtype"])
    if weights_digest(model, repr(model.config)) != report.evaluated["weights_sha256"]:
        raise ConfigError(
            f"The report evaluates another model than {directory}: its weights, classes or preprocessing differ. "
            f"Evaluate this model: swinpan eval --model {directory} …"
        )


def published_json(path: Path) -> bytes:
    """The JSON of a report without its :data:`PRIVATE` entries."""
    content = read_json(path)
    evaluated = {name: value for name, value in content["evaluated"].items() if name not in PRIVATE}
    return json.dumps({**content, "evaluated": evaluated}, indent=2).encode()


def named_figures(report: Report) -> dict[str, float]:
    """The available figures by their names in a card, in percent, rounded to two decimals."""
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
            raise ValueError(f"{value!r} is no percentage from 0 to 100")
