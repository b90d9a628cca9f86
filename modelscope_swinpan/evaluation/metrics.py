"""The figures of an evaluation, and average precision by the protocol of pycocotools, which hotcoco computes.

All figures are in percent. A figure without any segment to measure is None, and a class without any is missing from
``per_class``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import DatasetError
from ..extras import require


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Panoptic, segmentation and recognition quality in percent, means over ``classes`` classes.

    Kirillov et al., Panoptic Segmentation, arXiv 1801.00868.
    """

    pq: float
    sq: float
    rq: float
    classes: int = 1


@dataclass(frozen=True, kw_only=True)
class PanopticQuality:
    """Quality over all classes, over things and over stuff, and per class by category id."""

    all: Quality | None
    things: Quality | None
    stuff: Quality | None
    per_class: Mapping[int, Quality]


@dataclass(frozen=True, kw_only=True)
class AveragePrecision:
    """COCO's twelve figures in percent, and the ``ap`` of every class by category id.

    ``ap`` is the mean over all classes and the ten IoU thresholds from 0.5 to 0.95. ``ap50`` and ``ap75`` use one
    threshold. Small objects have up to 32² pixels, large ones over 96². ``ar1``, ``ar10`` and ``ar100`` are the average
    recall with at most 1, 10 and 100 instances per image and class.
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


_FIGURES = tuple(AveragePrecision.__annotations__)[:-1]  # in pycocotools' order, without per_class


def evaluate_instances(
    truth: Path | dict[str, Any],
    results: Path | list[dict[str, Any]],
    kind: str,
    image_ids: Collection[int] | None = None,
) -> Any:
    """Score instance predictions: hotcoco's ``COCOeval`` after its work.

    Args:
        truth: A JSON file in COCO's instance format, or its content.
        results: A JSON file in COCO's result format, or its content. Results with masks must hold no boxes: pycocotools
            would take the size of an instance from its box.
        kind: ``bbox`` for boxes or ``segm`` for masks.
        image_ids: The images to score, all by default.

    Raises:
        ConfigError: hotcoco is not installed.
        DatasetError: a file cannot be read, or ``truth`` lacks one of ``image_ids``.
    """
    hotcoco = load_hotcoco()
    try:
        expected = hotcoco.COCO(truth)
        if missing := set(image_ids or ()) - set(expected.get_img_ids()):
            raise DatasetError(
                f"The instance truth lacks {len(missing)} of the images, for example image {min(missing)}."
            )
        found = expected.load_res(str(results) if isinstance(results, Path) else results)
        evaluation = hotcoco.COCOeval(expected, found, kind)
        if image_ids is not None:
            evaluation.params.img_ids = sorted(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summary_lines()  # fills evaluation.stats
    except DatasetError:
        raise
    except (ValueError, KeyError, OSError) as error:
        raise DatasetError(f"Instances cannot be scored: {error}") from None
    return evaluation


def precision_figures(evaluation: Any) -> AveragePrecision:
    """The figures of :func:`evaluate_instances`."""
    precision = evaluation.eval["precision"][..., 0, -1]  # (IoU thresholds, recalls, classes); all sizes, 100 instances
    per_class = zip(evaluation.params.cat_ids, precision.transpose(2, 0, 1), strict=True)
    return AveragePrecision(
        **{name: _percent(value) for name, value in zip(_FIGURES, evaluation.stats, strict=True)},
        per_class={id_: 100 * float(values[values > -1].mean()) for id_, values in per_class if (values > -1).any()},
    )


def instance_errors(evaluation: Any) -> dict[str, Any]:
    """What the average precision at an IoU of 0.5 loses, by kind, of :func:`evaluate_instances`, in percent.

    TIDE (Bolya et al., arXiv 2008.08115), as hotcoco computes it. ``gain`` is what the figure would gain if the errors
    of a kind were mended.
    """
    found = evaluation.tide_errors()
    kinds = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
    return {
        "ap50": _percent(found["ap_base"]),
        "kinds": {kind: {"errors": found["counts"][kind], "gain": 100 * found["delta_ap"][kind]} for kind in kinds},
    }


def load_hotcoco() -> ModuleType:
    """Import hotcoco, the library that computes the metrics, or raise a ConfigError where it is not installed."""
    return require("Evaluation", "hotcoco", extra="eval")


def _percent(value: float) -> float | None:
    return None if value < 0 else 100 * float(value)
