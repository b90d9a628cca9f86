"""Evaluate a model while it is being trained: its figures, by name."""

import math
from pathlib import Path

from ..claims import PURPOSE
from ..coco.check import check_files
from ..coco.reader import CocoPanoptic
from ..config import Mask2FormerConfig
from ..inference.network import PanopticPredictor
from ..models.mask2former import Mask2Former
from ..runs.folder import check_replaceable, discard
from ..training.loop import Evaluate
from .evaluate import evaluate
from .metrics import PanopticQuality, load_hotcoco
from .report import Report
from .scorable import check_scorable

EVALUATION = "evaluation"
"""The folder within a training run's folder that holds the predictions and the report of its last evaluation."""
MADE = {PURPOSE: "an evaluation during training"}
"""What ``run.json`` says of such a folder. The results of other evaluations are not replaced."""


def evaluator(config: Mask2FormerConfig, dataset: CocoPanoptic, folder: Path) -> Evaluate:
    """A function that evaluates a model with ``config`` on ``dataset``, into the training run's ``folder``.

    Raises:
        ConfigError: hotcoco is not installed, it is no panoptic model, or the folder holds an evaluation of others.
        DatasetError: the model's classes are not the dataset's, or its files are missing or have headers that do not
            fit.
    """
    load_hotcoco()  # before hours of training, not after them
    check_scorable(config.task, config.categories, dataset)
    check_files(dataset)
    check_replaceable(folder / EVALUATION, MADE)
    return lambda model, step: measure(model, dataset, folder, name=f"step {step}")


def measure(model: Mask2Former, dataset: CocoPanoptic, folder: Path, *, name: str) -> dict[str, float]:
    """:func:`~.evaluate.evaluate` a model on ``dataset``; the report, under ``name``, replaces the last one."""
    output = folder / EVALUATION
    discard(output, MADE)
    return figures(evaluate(PanopticPredictor(model), dataset, output, model=name, made=MADE))


def figures(report: Report) -> dict[str, float]:
    """The figures (0–100) of a report, NaN where there is none."""
    precision = (("box_ap", report.box_ap), ("mask_ap", report.mask_ap))
    return {
        **panoptic_figures(report.panoptic),
        **{name: math.nan if found is None or found.ap is None else found.ap for name, found in precision},
    }


def panoptic_figures(quality: PanopticQuality) -> dict[str, float]:
    """The panoptic figures: pq, sq and rq of all classes, and pq of things and of stuff. NaN where there is none."""
    named = (
        ("pq", quality.all, "pq"),
        ("pq_things", quality.things, "pq"),
        ("pq_stuff", quality.stuff, "pq"),
        ("sq", quality.all, "sq"),
        ("rq", quality.all, "rq"),
    )
    return {name: getattr(found, figure) if found else math.nan for name, found, figure in named}
