"""Panoptic quality by panopticapi's protocol and average precision by pycocotools', both computed by hotcoco.

Figures are in percent. What nothing in truth and predictions gives a value to is missing, or None.
"""

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ConfigError, DatasetError


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Panoptic, segmentation and recognition quality in percent (Kirillov et al., arXiv 1801.00868).

    Each is the mean over ``classes`` classes.
    """

    pq: float
    sq: float
    rq: float
    classes: int = 1


@dataclass(frozen=True, kw_only=True)
class PanopticQuality:
    """The quality of all classes, of things and of stuff, and that of every class by its category id."""

    all: Quality | None
    things: Quality | None
    stuff: Quality | None
    per_class: Mapping[int, Quality]


@dataclass(frozen=True, kw_only=True)
class AveragePrecision:
    """COCO's twelve figures in percent, and ``ap`` of every class by its category id.

    ``ap`` is the mean over ten overlaps from 0.5 to 0.95 and all classes, ``ap50`` and ``ap75`` are those of one
    overlap; ``small`` means up to 32² pixels, ``large`` over 96². ``ar1`` is the average recall of the best instance of
    each image and class, ``ar10`` and ``ar100`` those of as many.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar1: float | None
    ar10: float | None
    ar100: float | None
    ar_small: float | None
    ar_medium: float | None
    ar_large: float | None
    per_class: Mapping[int, float]


_FIGURES = tuple(name for name in AveragePrecision.__annotations__ if name != "per_class")  # in pycocotools' order


def panoptic_quality(
    truth: Mapping[str, Any], truth_pngs: Path, predictions: Mapping[str, Any], prediction_pngs: Path
) -> PanopticQuality:
    """The quality of predictions, given as the content of a COCO panoptic JSON and the folder of its PNGs, as is truth.

    Crowds and void are no error and no success; all of them is panopticapi's protocol.

    Raises:
        ConfigError: hotcoco is not installed.
        DatasetError: a PNG is missing or does not fit its JSON, or an image of ``truth`` has no prediction.
    """
    panoptic = load_hotcoco().panoptic
    try:
        evaluation = panoptic.PanopticEval(truth, predictions, gt_folder=truth_pngs, pred_folder=prediction_pngs)
        evaluation.evaluate()
    except (ValueError, KeyError, OSError) as error:
        raise DatasetError(f"{prediction_pngs}: the predictions cannot be scored: {error}") from None
    found = evaluation.results()
    return PanopticQuality(
        all=_quality(found["All"]),
        things=_quality(found["Things"]),
        stuff=_quality(found["Stuff"]),
        per_class={int(id_): quality for id_, values in found["per_class"].items() if (quality := _quality(values))},
    )


def average_precision(
    truth: Path | dict[str, Any],
    results: Path | list[dict[str, Any]],
    kind: str,
    image_ids: Collection[int] | None = None,
) -> AveragePrecision:
    """The average precision of boxes or masks: ``truth`` in COCO's instance format, ``results`` in its result format.

    Both are a JSON file or its content; ``kind`` is ``bbox`` or ``segm``. ``image_ids``: the images to look at, by
    default all. Results of masks must not hold boxes: pycocotools takes an instance's size from its box where it has
    one.

    Raises:
        ConfigError: hotcoco is not installed.
        DatasetError: a file cannot be read, or ``truth`` lacks an image that is asked for.
    """
    hotcoco = load_hotcoco()
    try:
        expected = hotcoco.COCO(truth)
        if missing := set(image_ids or ()) - set(expected.get_img_ids()):
            raise DatasetError(f"The instance truth lacks {len(missing)} of the images, image {min(missing)} for one.")
        found = expected.load_res(str(results) if isinstance(results, Path) else results)
        evaluation = hotcoco.COCOeval(expected, found, kind)
        if image_ids is not None:
            evaluation.params.img_ids = sorted(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summary_lines()  # makes the figures
    except DatasetError:
        raise
    except (ValueError, KeyError, OSError) as error:
        raise DatasetError(f"Instances cannot be scored: {error}") from None
    precision = evaluation.eval["precision"][..., 0, -1]  # (overlaps, recalls, classes), of all sizes, up to 100 each
    per_class = zip(evaluation.params.cat_ids, precision.transpose(2, 0, 1), strict=True)
    return AveragePrecision(
        **{name: _percent(value) for name, value in zip(_FIGURES, evaluation.stats, strict=True)},
        per_class={id_: 100 * float(values[values > -1].mean()) for id_, values in per_class if (values > -1).any()},
    )


def load_hotcoco() -> ModuleType:
    """The library that computes the metrics.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module("hotcoco")
    except ImportError:
        raise ConfigError("Evaluation needs the package hotcoco; pip install 'modelscope_swinpan[eval]'.") from None


def _quality(values: Mapping[str, float]) -> Quality | None:
    if values["pq"] < 0:  # neither in truth nor in predictions
        return None
    pq, sq, rq = (100 * values[name] for name in ("pq", "sq", "rq"))
    return Quality(pq=pq, sq=sq, rq=rq, classes=int(values.get("n", 1)))


def _percent(value: float) -> float | None:
    return None if value < 0 else 100 * float(value)
