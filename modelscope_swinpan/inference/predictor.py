"""Images in, results out: the numpy seam around the model."""

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, get_args, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config import PostprocessConfig, Task
from ..errors import ConfigError, DeviceError
from ..images.decode import decode_image
from ..models.mask2former import Mask2Former
from ..structures import ImageBatch, Size
from . import fusion as fusion
from .graphs import ReplayedModel
from .preprocess import padded_size, preprocess
from .results import InstanceResult, PanopticResult

Result = PanopticResult | InstanceResult


class PanopticPredictor:
    """Segmentation with a model that :func:`~modelscope_swinpan.load_model` returned.

    ``task`` is 'panoptic', 'instance' or 'semantic', by default what the model was trained for: a panoptic model does
    all three, others only their own. Instances come as :class:`InstanceResult`: things alone, which may overlap, and of
    the thresholds ``instance_threshold`` alone counts. The others come as :class:`PanopticResult`; the semantic one has
    a segment per class, and no void.

    ``batch_size`` images of one padded size go through the model together; images of other sizes never do, so that no
    image's answer depends on its neighbours. Calls from several threads are safe.

    ``compile`` compiles the model's layers, in place: the first images take minutes, later ones less time. On a GPU a
    compiled model is then replayed as one CUDA graph per padded size (:mod:`~modelscope_swinpan.inference.graphs`).
    """

    def __init__(
        self,
        model: Mask2Former,
        *,
        batch_size: int = 1,
        postprocess: PostprocessConfig | None = None,
        compile: bool = False,  # noqa: A002 (PyTorch's and ModelScope's word)
        task: Task | None = None,
    ) -> None:
        """Wrap ``model``.

        Raises:
            ConfigError: there is no such batch size or task, or the model cannot do the task.
        """
        self.task = model.config.task if task is None else _possible(task, model)
        if compile and not model.compiled:
            model.compile()
        self.model = model
        self._replayed = ReplayedModel(model)
        self.batch_size = _checked(batch_size)
        self.postprocess = postprocess or model.config.postprocess

    def with_task(self, task: Task) -> "PanopticPredictor":
        """A predictor like this one, over the same model, for another task.

        Raises:
            ConfigError: there is no such task, or the model cannot do it.
        """
        other = copy.copy(self)
        other.task = _possible(task, self.model)
        return other

    @overload
    def __call__(self, images: list[Any]) -> list[Result]: ...
    @overload
    def __call__(self, images: Any) -> Result: ...
    def __call__(self, images: Any) -> Result | list[Result]:
        """Results for one image, or a list of them for a list.

        An image is whatever :func:`~modelscope_swinpan.images.decode.decode_image` takes: a path, a URL, a PIL
        image, a BGR uint8 array, or a dataset row.

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
        """Results, in order, for decoded images (height, width, 3), RGB, uint8.

        Raises:
            DeviceError: the GPU's memory does not suffice.
        """
        size = self.batch_size if batch_size is None else _checked(batch_size)
        results: dict[int, Result] = {}
        for indices in self._batches(images, size):
            batch = self.answer(self.prepare([images[i] for i in indices]), postprocess)
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

    def prepare(self, images: Sequence[npt.NDArray[np.uint8]]) -> ImageBatch:
        """The model's input for decoded images of one padded size. Any thread may do it, while the model works."""
        pin_memory = next(self.model.parameters()).device.type == "cuda"
        return preprocess(images, self.model.config.preprocess, pin_memory=pin_memory)

    def answer(self, batch: ImageBatch, postprocess: PostprocessConfig | None = None) -> list[Result]:
        """The results for a batch of :meth:`prepare`.

        Raises:
            DeviceError: the GPU's memory does not suffice.
        """
        weight = next(self.model.parameters())
        try:
            return self._answer(batch, weight.device, postprocess or self.postprocess)
        except torch.cuda.OutOfMemoryError:
            pass  # and be gone: with the error, the tensors of its stack would live on
        count, _, height, width = batch.pixel_values.shape
        dtype = str(weight.dtype).removeprefix("torch.")
        raise DeviceError(
            f"{weight.device} ran out of memory for {count} image(s), resized to {width}×{height} pixels, and a model "
            f"in {dtype}. Lower batch_size, load the model with dtype='bfloat16', or end what else uses the device."
        )

    @torch.inference_mode()
    def _answer(self, batch: ImageBatch, device: torch.device, config: PostprocessConfig) -> list[Result]:
        if self.model.compiled and device.type == "cuda":
            output = self._replayed(batch.pixel_values)
        else:
            pixels = batch.pixel_values
            output = self.model(pixels.to(device, non_blocking=pixels.is_pinned()))
        return [
            self.fuse(class_logits, mask_logits, resized, original, config)
            for class_logits, mask_logits, resized, original in zip(
                output.class_logits, output.mask_logits, batch.resized, batch.original, strict=True
            )
        ]

    def fuse(
        self, class_logits: Tensor, mask_logits: Tensor, resized: Size, original: Size, config: PostprocessConfig
    ) -> Result:
        """The result for one image of a batch, from its ``class_logits`` (Q, K+1) and ``mask_logits`` (Q, h, w)."""
        what: dict[str, Any] = {"resized": resized, "original": original, "categories": self.model.config.categories}
        match self.task:
            case "panoptic":
                return fusion.panoptic(class_logits, mask_logits, **what, config=config)
            case "instance":
                return fusion.instances(class_logits, mask_logits, **what, config=config)
            case "semantic":
                return fusion.semantic(class_logits, mask_logits, **what)


def _possible(task: Task, model: Mask2Former) -> Task:
    """``task``, where ``model`` can do it."""
    if task not in get_args(Task):
        raise ConfigError(f"The task must be one of {', '.join(map(repr, get_args(Task)))}; got {task!r}.")
    trained = model.config.task
    if trained not in (task, "panoptic"):
        raise ConfigError(
            f"The task {task!r} was asked for, but this model was trained for {trained!r} alone. Ask for that, or load "
            "a panoptic model, which does all three."
        )
    return task


def _checked(batch_size: int) -> int:
    if type(batch_size) is not int or batch_size < 1:
        raise ConfigError(f"batch_size must be a positive int; got {batch_size!r}.")
    return batch_size
