"""One result as the dict that the pipeline and the servers answer, and the options of a call that decide its form."""

import dataclasses
from collections.abc import Collection
from typing import Any

from ..config import thresholds
from ..errors import ConfigError
from ..inference.predictor import Result
from ..runs.registry import mask_formats

SCORES = ("real", "virtual")
THRESHOLDS = ("filter_low_score", *(threshold.name for threshold in thresholds()))


def answer(result: Result, *, scores: str, mask_format: str) -> dict[str, Any]:
    """``labels``, ``scores``, ``boxes`` and ``segments_info`` in upstream's order, and the masks in their format."""
    if scores == "virtual":
        result = result.with_virtual_scores()
    segments = result.segments
    return {
        "labels": [segment.label for segment in segments],
        "scores": [segment.score for segment in segments],
        "boxes": [list(segment.box) for segment in segments],
        **mask_formats()[mask_format](result),
        "segments_info": [dataclasses.asdict(segment) for segment in segments],
    }


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """``value``, or a ConfigError if it is none of the ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")
    return value
