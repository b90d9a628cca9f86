"""ModelScope's metric of panoptic segmentation."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from modelscope.metrics.base import Metric

from ..categories import COCO_PANOPTIC, Category
from ..coco.annotation import Annotation, SegmentInfo
from ..coco.encoding import PackedIds
from ..coco.reader import CocoPanoptic
from ..coco.remarks import Remark, Remarks
from ..coco.writer import CocoPanopticWriter
from ..errors import ConfigError
from ..evaluation.callback import panoptic_figures
from ..evaluation.evaluate import score
from ..inference.results import PanopticResult
from ..structures import Segment
from .compat import METRIC
from .rows import parse_categories, read_annotation


class PanopticMetric(Metric):
    """Panoptic quality of the pipeline's answers, by panopticapi's protocol.

    Call ``metric.add(answer, row)`` for every image, then ``metric.evaluate()``. There is no average
    precision: it needs instances that a panoptic answer has dropped. The trainer's ``evaluate()`` computes it.
    """

    def __init__(self, categories: Sequence[Category | Mapping[str, Any]] = COCO_PANOPTIC) -> None:
        """``categories`` are the dataset's, in a form that :func:`~.rows.parse_categories` takes.

        Raises:
            DatasetError: a field of a category is missing or wrong.
        """
        self.categories = parse_categories(categories)
        self._images: list[_Image] = []
        self._remarks: list[Remark] = []

    def add(self, outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Add the pipeline's answer (``outputs``) to one image, and the image's row as of :class:`~.rows.RowDataset`.

        Segments of classes that the dataset does not have count as void.

        Raises:
            ConfigError: ``outputs`` is not an answer of the panoptic pipeline, or of another size than the row's label.
            DatasetError: the row is wrong.
        """
        truth = read_annotation(inputs, self.categories, f"row {len(self._images)}")
        try:
            ids, found = np.asarray(outputs["panoptic_seg"], np.int32), outputs["segments_info"]
            segments = tuple(Segment(**segment) for segment in found)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                "The metric takes the pipeline's answer, a dict with panoptic_seg and segments_info; got "
                f"{outputs!r:.100} ({error})."
            ) from None
        if ids.shape != truth.segment_ids.shape:
            raise ConfigError(
                f"panoptic_seg has the shape {ids.shape}, but the row's label has {truth.segment_ids.shape}."
            )
        self._remarks += truth.remarks
        known = {category.id for category in self.categories}
        kept = tuple(segment for segment in segments if segment.category_id in known)
        self._images.append(_Image(PackedIds.pack(truth.segment_ids), truth.segments, PackedIds.pack(ids), kept))

    def merge(self, other: "PanopticMetric") -> None:
        """Add the images of another process's metric."""
        self._images += other._images
        self._remarks += other._remarks

    def evaluate(self) -> dict[str, float]:
        """The figures (0–100): pq, sq and rq of all classes, pq_things, pq_stuff; NaN where there is nothing to score.

        Raises:
            ConfigError: hotcoco is not installed.
            DatasetError: no image was added.
        """
        remarks = Remarks()
        remarks.add(self._remarks)
        remarks.warn()
        with tempfile.TemporaryDirectory() as folder:
            truth, found = Path(folder, "truth.json"), Path(folder, "answers.json")
            with (
                CocoPanopticWriter(truth, self.categories) as truths,
                CocoPanopticWriter(found, self.categories) as ours,
            ):
                for number, image in enumerate(self._images, start=1):
                    name = f"{number}.png"
                    truth_ids, ids = image.true_ids.unpack(), image.ids.unpack()
                    truths.add_annotation(name, name, Annotation(segment_ids=truth_ids, segments=image.true_segments))
                    ours.add(name, name, PanopticResult(ids, image.segments, void_id=0))
            return panoptic_figures(score(CocoPanoptic.open(truth), found).panoptic)


class _Image(NamedTuple):
    """Ground truth and answer of one image."""

    true_ids: PackedIds
    true_segments: tuple[SegmentInfo, ...]
    ids: PackedIds
    segments: tuple[Segment, ...]


METRIC.register(PanopticMetric)
