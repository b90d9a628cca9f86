"""Images in, results out: the numpy seam around the model."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch

from . import postprocess as fusion
from .config import PostprocessConfig
from .errors import ConfigError
from .images import decode_image
from .models.mask2former import Mask2Former
from .preprocess import padded_size, preprocess
from .structures import InstanceResult, PanopticResult, Size

Result = PanopticResult | InstanceResult


class PanopticPredictor:
    """Segmentation with a model that :func:`~modelscope_swinpan.load_model` returned, of the task it was trained for.

    A model of instances gives :class:`InstanceResult`, one of classes alone (semantic) and a panoptic one
    :class:`PanopticResult`.

    ``batch_size`` images of one padded size go through the model together; images of other sizes never do, so that no
    image's answer depends on its neighbours. Calls from several threads are safe.
    """

    def __init__(
        self, model: Mask2Former, *, batch_size: int = 1, postprocess: PostprocessConfig | None = None
    ) -> None:
        self.model = model
        self.batch_size = _checked(batch_size)
        self.postprocess = postprocess or model.config.postprocess

    @overload
    def __call__(self, images: list[Any]) -> list[Result]: ...
    @overload
    def __call__(self, images: Any) -> Result: ...
    def __call__(self, images: Any) -> Result | list[Result]:
        """Results for one image, or a list of them for a list.

        An image is whatever :func:`~modelscope_swinpan.images.decode_image` takes: a path, a URL, a PIL image, a BGR
        uint8 array, or a dataset row.

        Raises:
            ImageError: an input that is no usable image.
        """
        if isinstance(images, list | tuple):
            return self.predict([decode_image(image) for image in images])
        return self.predict([decode_image(images)])[0]

    def predict(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        *,
        batch_size: int | None = None,
        postprocess: PostprocessConfig | None = None,
    ) -> list[Result]:
        """Results, in order, for decoded images (height, width, 3), RGB, uint8."""
        size = self.batch_size if batch_size is None else _checked(batch_size)
        results: dict[int, Result] = {}
        for indices in self._batches(images, size):
            batch = self._run([images[i] for i in indices], postprocess or self.postprocess)
            results.update(zip(indices, batch, strict=True))
        return [results[i] for i in range(len(images))]

    def _batches(self, images: Sequence[npt.NDArray[np.uint8]], size: int) -> Iterable[list[int]]:
        """Indices of images that go through the model together."""
        groups = defaultdict(list)
        for index, image in enumerate(images):
            groups[padded_size(Size(*image.shape[:2]), self.model.config.preprocess)].append(index)
        for group in groups.values():
            for start in range(0, len(group), size):
                yield group[start : start + size]

    @torch.inference_mode()
    def _run(self, images: Sequence[npt.NDArray[np.uint8]], config: PostprocessConfig) -> list[Result]:
        batch = preprocess(images, self.model.config.preprocess)
        device = next(self.model.parameters()).device
        output = self.model(batch.pixel_values.to(device))
        results: list[Result] = []
        for class_logits, mask_logits, resized, original in zip(
            output.class_logits, output.mask_logits, batch.resized, batch.original, strict=True
        ):
            what: dict[str, Any] = {
                "resized": resized,
                "original": original,
                "categories": self.model.config.categories,
            }
            match self.model.config.task:
                case "panoptic":
                    results.append(fusion.panoptic(class_logits, mask_logits, **what, config=config))
                case "instance":
                    results.append(fusion.instances(class_logits, mask_logits, **what, config=config))
                case "semantic":
                    results.append(fusion.semantic(class_logits, mask_logits, **what))
        return results


def _checked(batch_size: int) -> int:
    if type(batch_size) is not int or batch_size < 1:
        raise ConfigError(f"batch_size must be a positive int; got {batch_size!r}.")
    return batch_size
