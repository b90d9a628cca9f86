"""Predictions for the images of a dataset: panoptic results and instances from one run of the model."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from torch import Tensor

from ..coco.json import ImageEntry
from ..coco.layout import path_inside
from ..coco.reader import CocoPanoptic
from ..config import PostprocessConfig
from ..errors import DatasetError, ImageError
from ..inference import fusion as fusion
from ..inference.predictor import PanopticPredictor, Result
from ..inference.results import InstanceResult, PanopticResult
from ..inference.streaming import stream
from ..inference.tiles import TiledPredictor
from ..structures import Size

Found = TypeVar("Found", PanopticResult, InstanceResult)


class Prediction(NamedTuple):
    """What the model says about one image."""

    entry: ImageEntry
    panoptic: PanopticResult
    instances: InstanceResult


def predict_images(
    predictor: PanopticPredictor, dataset: CocoPanoptic, indices: Sequence[int], config: PostprocessConfig
) -> Iterator[Prediction]:
    """Predictions for some images of ``dataset``, in order, with the thresholds of ``config``.

    Classes that the dataset lacks are left out, as void. With tiles, instances are the panoptic results' things.

    Raises:
        DatasetError: an image is missing, damaged, or of another size than the JSON says.
        DeviceError: the GPU's memory does not suffice.
    """
    entries = [dataset.entries[index] for index in indices]
    where = f"{dataset.layout.json_path}: file_name of image"
    paths = (path_inside(dataset.layout.images, entry.name, f"{where} {entry.id}") for entry in entries)
    if not isinstance(predictor, TiledPredictor):
        predictor = _BothPredictor(predictor.model, batch_size=predictor.batch_size, postprocess=config)
    known = {category.id for category in dataset.categories}
    for entry, result in zip(entries, stream(predictor, paths), strict=True):
        if isinstance(result, ImageError):
            raise DatasetError(f"{where} {entry.id}: {result}")
        assert isinstance(result, PanopticResult)  # noqa: S101
        size = Size(*result.panoptic_seg.shape)
        if size != entry.size:
            raise DatasetError(
                f"{where} {entry.id}: {entry.name} has {size.width} × {size.height} pixels, but width and height in "
                f"the JSON are {entry.size.width} × {entry.size.height}."
            )
        instances = result.instances if isinstance(result, _BothResults) else _things(result)
        yield Prediction(entry, _only(result, known), _only(instances, known))


@dataclass(frozen=True)
class _BothResults(PanopticResult):
    instances: InstanceResult


class _BothPredictor(PanopticPredictor):
    """Gives instances along with panoptic results."""

    def fuse(
        self, class_logits: Tensor, mask_logits: Tensor, resized: Size, original: Size, config: PostprocessConfig
    ) -> Result:
        panoptic = super().fuse(class_logits, mask_logits, resized, original, config)
        categories = self.model.config.categories
        instances = fusion.instances(
            class_logits, mask_logits, resized=resized, original=original, categories=categories, config=config
        )
        return _BothResults(**vars(panoptic), instances=instances)


def _things(result: PanopticResult) -> InstanceResult:
    """The things of a map as instances: all that is known of them where tiles made it."""
    things = sorted((segment for segment in result.segments if segment.isthing), key=lambda thing: -thing.score)
    masks = np.empty((len(things), *result.shape), np.bool_)
    for mask, thing in zip(masks, things, strict=True):
        mask[:] = result.mask(thing)
    segments = tuple(dataclasses.replace(thing, id=number) for number, thing in enumerate(things, start=1))
    return InstanceResult(masks, segments, categories=result.categories)


def _only(result: Found, known: set[int]) -> Found:
    """A result without the segments of other categories than the ``known``."""
    return dataclasses.replace(
        result, segments=tuple(segment for segment in result.segments if segment.category_id in known)
    )
