"""Pictures of what a model answers, beside the truth: a sink of the one run."""

import io
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from torch.utils.data import Dataset

from ..categories import Category
from ..coco.annotation import Annotation, Example
from ..errors import DamagedFileError
from ..images.encode import encode_png
from ..inference.network import PanopticPredictor
from ..inference.predictor import Pixels, Result
from ..inference.regions import make_segment
from ..inference.results import PanopticResult
from ..models.mask2former import Mask2Former
from ..runs.inputs import Item
from ..runs.local_engine import LocalEngine
from ..runs.sinks import ERROR, Encoded, Sink

WIDTH, TALLEST = 640, 1920  # of one picture, in pixels
SAMPLES = 4  # examples that are drawn at every evaluation


class Sample(NamedTuple):
    """An ``image``, (H, W, 3) RGB uint8, and the ``truth`` of it, whose classes need not be those of a model."""

    image: Pixels
    truth: PanopticResult


class BesideTruth(Sink):
    """A picture per image: the truth on the left, the answer on the right. Images are numbers of ``samples``."""

    name = "beside-truth"

    def __init__(self, samples: Sequence[Sample], file: str = "{}.png", photo: str | None = None) -> None:
        """``file`` names an image's picture, and ``photo`` its own PNG, if it is to be kept; {} is its stem."""
        self._samples, self._file, self._photo = samples, file, photo
        self.files = tuple(name for name in (file, photo) if name and "{" not in name)

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The picture, a PNG file."""
        true = self._samples[int(item.source)].truth
        both = np.hstack([_picture(one, pixels) for one in (true, result)])
        files = {self._file.format(item.stem): encode_png(both)}
        if self._photo is not None:
            files[self._photo.format(item.stem)] = encode_png(pixels)
        return Encoded(files=files)


def first_of(dataset: Dataset[Example], categories: Sequence[Category]) -> list[Sample]:
    """The first :data:`SAMPLES` examples of a dataset with these classes. Damaged ones are passed over."""
    samples: list[Sample] = []
    for index in range(min(len(dataset), 10 * SAMPLES)):  # type: ignore[arg-type]
        if len(samples) == SAMPLES:
            break
        with suppress(DamagedFileError):
            example = dataset[index]
            samples.append(Sample(example.image, truth(example, categories)))
    return samples


def draw_samples(model: Mask2Former, samples: Sequence[Sample]) -> npt.NDArray[np.uint8]:
    """The truth on the left, the model's answer on the right, a sample below another: (H, W, 3) RGB uint8.

    The right is black where a sample cannot be segmented, for example one that is too narrow; a warning tells why.
    """
    items = [Item(index, index + 1, str(index), index, str(index)) for index in range(len(samples))]
    engine = LocalEngine(PanopticPredictor(model))
    pictures = []
    for record, sample in zip(
        engine(items, sinks=[BesideTruth(samples)], read=lambda source: samples[int(source)].image[..., ::-1]),
        samples,
        strict=True,
    ):
        if record.failed:
            warnings.warn(f"Sample {record.index + 1}: {record.read()[ERROR]['error']}", stacklevel=2)
            true = _picture(sample.truth, sample.image)
            pictures.append(np.hstack([true, np.zeros_like(true)]))
        pictures += [np.asarray(Image.open(io.BytesIO(content))) for content in record.files.values()]
    return np.vstack(pictures)


def truth(annotation: Annotation, categories: Sequence[Category]) -> PanopticResult:
    """An annotation as a result, of score 1."""
    segments = tuple(
        make_segment(info.id, info.label_id, categories, info.area, info.box, 1.0) for info in annotation.segments
    )
    return PanopticResult(annotation.segment_ids, segments, void_id=0, categories=tuple(categories))


def _picture(result: Result, pixels: Pixels) -> Pixels:
    """The overlay of a result on its photo, ``WIDTH`` wide: what is taller than ``TALLEST`` is padded at its right."""
    overlay = np.asarray(result.to_pil(Image.fromarray(pixels)))
    scale = min(WIDTH / pixels.shape[1], TALLEST / pixels.shape[0])
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    resized = cv2.resize(overlay, (width, height), interpolation=cv2.INTER_AREA)
    padded: Pixels = np.pad(resized, ((0, 0), (0, WIDTH - width), (0, 0)))
    return padded
