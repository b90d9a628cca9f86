"""Predictors segment images: what a run needs of one, and the one around a model.

Others are the tiled one of :mod:`~modelscope_swinpan.inference.tiles`, and classes of your own.
"""

import copy
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..categories import Category
from ..config import PostprocessConfig, Task
from ..errors import DeviceError
from ..images.decode import decode_image, several_images
from ..kernels.dispatch import on_cuda
from ..models.mask2former import Mask2Former
from ..structures import ImageBatch, Size
from .forks import prepare_for_forks
from .fusion import fuse
from .graphs import ReplayedModel
from .identity import describe_model
from .options import check_batch_size, check_task
from .preprocess import padded_size, preprocess
from .results import InstanceResult, PanopticResult

Pixels = npt.NDArray[np.uint8]
Result = PanopticResult | InstanceResult
P = TypeVar("P", bound="Predictor")
N = TypeVar("N", bound="NetworkPredictor")


class Predictor(Protocol):
    """What segments decoded images, batch by batch.

    A class of your own subclasses this one and defines the abstract members. It must pickle to be used by several
    processes.
    """

    task: Task
    """What it answers: 'panoptic', 'instance' or 'semantic'."""
    batch_size: int
    """How many images of one :meth:`group` go through it together, at most."""
    postprocess: PostprocessConfig
    """Its thresholds."""

    @property
    @abstractmethod
    def categories(self) -> tuple[Category, ...]:
        """The classes, by label."""

    @property
    @abstractmethod
    def short_side(self) -> int:
        """The short side, in pixels, that images are resized to."""

    @property
    @abstractmethod
    def device(self) -> str:
        """The kind of device that it computes on, as in 'cpu' or 'cuda'."""

    @abstractmethod
    def group(self, size: Size) -> Hashable:
        """What the sizes of images have in common that can share a batch.

        Raises:
            ImageError: an image of this size cannot be segmented.
        """

    @abstractmethod
    def prepare(self, images: Sequence[Pixels]) -> Any:
        """A batch for :meth:`answer`, from decoded images (H, W, 3), RGB, uint8, of one group.

        Any thread may call it while another one is in :meth:`answer`.
        """

    @abstractmethod
    def answer(self, batch: Any) -> list[Result]:
        """The results for a batch of :meth:`prepare`, in order.

        Raises:
            DeviceError: the device's memory does not suffice.
        """

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """All that decides the answers, as JSON. Predictors of one identity answer alike."""

    def with_options(
        self: P,
        *,
        task: Task | None = None,
        batch_size: int | None = None,
        postprocess: PostprocessConfig | None = None,
        instances: bool | None = None,
        contested: Sequence[float] | None = None,
    ) -> P:
        """A predictor like this one, over the same model, with other options; None leaves one as it is.

        ``instances`` says whether panoptic results also carry the instances of the same forward. With thresholds (0–1)
        in ``contested``, they carry who has each pixel with each of them (:mod:`~.inference.contests`).

        Raises:
            ConfigError: there is no such task or batch size, the model cannot do the task, or tiles are ``contested``.
        """
        given = {
            "task": task,
            "batch_size": batch_size,
            "postprocess": postprocess,
            "instances": instances,
            "contested": None if contested is None else tuple(contested),
        }
        return self.changed({name: value for name, value in given.items() if value is not None})

    def changed(self: P, options: Mapping[str, Any]) -> P:
        """A copy whose attributes are these ``options`` of :meth:`with_options`, which a class may check first."""
        other = copy.copy(self)
        for name, value in options.items():
            setattr(other, name, value)
        return other

    def with_task(self: P, task: Task) -> P:
        """A predictor like this one, over the same model, for another task.

        Raises:
            ConfigError: there is no such task, or the model cannot do it.
        """
        return self.with_options(task=task)

    @overload
    def __call__(self, images: list[Any] | tuple[Any, ...] | Iterator[Any]) -> list[Result]: ...
    @overload
    def __call__(self, images: Any) -> Result: ...
    def __call__(self, images: Any) -> Result | list[Result]:
        """The result for one image, or a list of results for a list of images, a tuple, a generator or a dataset.

        An image is whatever :func:`~modelscope_swinpan.images.decode.decode_image` takes: a path, a URL, the bytes of
        an image file, a PIL image, a BGR uint8 array, or a dataset row. All are held decoded; for any number of them
        there is :func:`~modelscope_swinpan.inference.streaming.stream`.

        Raises:
            ImageError: an input is no usable image.
            DeviceError: the device's memory does not suffice.
        """
        several = several_images(images)
        if several is not None:
            return self.predict([decode_image(image) for image in several])
        return self.predict([decode_image(images)])[0]

    def predict(
        self, images: Sequence[Pixels], *, batch_size: int | None = None, postprocess: PostprocessConfig | None = None
    ) -> list[Result]:
        """The results, in order, for decoded images (H, W, 3), RGB, uint8.

        Raises:
            ConfigError: there is no such batch size.
            ImageError: an image is too narrow.
            DeviceError: the device's memory does not suffice.
        """
        predictor = self.with_options(batch_size=batch_size, postprocess=postprocess)
        groups = defaultdict(list)
        for index, image in enumerate(images):
            groups[predictor.group(Size(*image.shape[:2]))].append(index)
        results: dict[int, Result] = {}
        for group in groups.values():
            for start in range(0, len(group), predictor.batch_size):
                indices = group[start : start + predictor.batch_size]
                answers = predictor.answer(predictor.prepare([images[index] for index in indices]))
                results.update(zip(indices, answers, strict=True))
        return [results[index] for index in range(len(images))]


class NetworkPredictor(Predictor):
    """A predictor of one network, a model or a file: it fuses the queries of a forward into results."""

    instances: bool
    """Whether panoptic results carry the instances of the same forward."""
    contested: tuple[float, ...] = ()
    """The values of ``object_mask_threshold`` with which they carry the contests of the same forward."""

    @property
    @abstractmethod
    def trained(self) -> Task:
        """What the network was trained for."""

    def changed(self: N, options: Mapping[str, Any]) -> N:
        """See :meth:`Predictor.changed`."""
        if "task" in options:
            check_task(options["task"], self.trained)
        if "batch_size" in options:
            check_batch_size(options["batch_size"])
        return super().changed(options)

    def options(self) -> dict[str, Any]:
        """What :meth:`Predictor.identity` says of task and results."""
        contested = {"contested": self.contested} if self.contested else {}
        return {"task": self.task, "instances": self.instances, **contested}

    def fused(self, class_logits: Iterable[Tensor], mask_logits: Iterable[Tensor], batch: ImageBatch) -> list[Result]:
        """The results of a batch's images, of logits (B, Q, K+1) and (B, Q, h, w)."""
        return [
            fuse(
                *image,
                categories=self.categories,
                config=self.postprocess,
                task=self.task,
                with_instances=self.instances,
                contested=self.contested,
            )
            for image in zip(class_logits, mask_logits, batch.resized, batch.original, strict=True)
        ]


class PanopticPredictor(NetworkPredictor):
    """Segmentation with a model that :func:`~modelscope_swinpan.load_model` returned.

    ``task`` is 'panoptic', 'instance' or 'semantic', by default what the model was trained for. A panoptic model does
    all three, others only their own. Panoptic and semantic results are :class:`PanopticResult`; semantic ones have a
    segment per class, and no void. The instance task gives :class:`InstanceResult`: things, which may overlap, chosen
    by ``instance_threshold`` alone. With ``instances``, panoptic results have them in ``result.instances``.

    Up to ``batch_size`` images go through the model together. All have one padded size, so that no image's answer
    depends on its neighbours. Threads may share a predictor, and ``multiprocessing.Pool.map(predictor, paths)`` works.

    ``compile`` compiles the model's layers in place: the first images take minutes, later ones less time. On a GPU a
    compiled model is replayed as one CUDA graph per padded size (:mod:`~modelscope_swinpan.inference.graphs`).
    """

    def __init__(
        self,
        model: Mask2Former,
        *,
        batch_size: int = 1,
        postprocess: PostprocessConfig | None = None,
        compile: bool = False,  # noqa: A002 (PyTorch's and ModelScope's word)
        task: Task | None = None,
        instances: bool = False,
    ) -> None:
        """Wrap ``model``.

        Raises:
            ConfigError: there is no such batch size or task, or the model cannot do the task.
        """
        self.task = model.config.task if task is None else check_task(task, model.config.task)
        if compile and not model.compiled:
            model.compile()
        self.model = model
        self.batch_size = check_batch_size(batch_size)
        self.postprocess = postprocess or model.config.postprocess
        self.instances = instances
        self._replayed = ReplayedModel(model)

    @property
    def trained(self) -> Task:
        """What the model was trained for."""
        return self.model.config.task

    @property
    def categories(self) -> tuple[Category, ...]:
        """The model's classes, by label."""
        return self.model.config.categories

    @property
    def short_side(self) -> int:
        """The short side, in pixels, that images are resized to."""
        preprocess = self.model.config.preprocess
        return min(preprocess.fixed_size or (preprocess.short_side,))

    @property
    def device(self) -> str:
        """The kind of device that the model is on, as in 'cpu' or 'cuda'."""
        return next(self.model.parameters()).device.type

    def identity(self) -> dict[str, Any]:
        """The model by a digest of weights and architecture, its number format, and the options, as JSON."""
        model = {**describe_model(self.model, self.postprocess), "compiled": self.model.compiled}
        return {**model, **self.options(), "tiles": None}

    def group(self, size: Size) -> Size:
        """The padded size: see :meth:`Predictor.group`."""
        return padded_size(size, self.model.config.preprocess)

    def prepare(self, images: Sequence[Pixels]) -> ImageBatch:
        """See :meth:`Predictor.prepare`."""
        return preprocess(images, self.model.config.preprocess, pin_memory=self.device == "cuda")

    def answer(self, batch: ImageBatch) -> list[Result]:
        """See :meth:`Predictor.answer`."""
        weight = next(self.model.parameters())
        try:
            return self._answer(batch, weight.device)
        except torch.cuda.OutOfMemoryError:
            pass  # Leave the except block first: the traceback would keep its tensors alive.
        count, _, height, width = batch.pixel_values.shape
        dtype = str(weight.dtype).removeprefix("torch.")
        raise DeviceError(
            f"{weight.device} ran out of memory for {count} image(s), resized to {width}×{height} pixels, and a model "
            f"in {dtype}. Lower batch_size, load the model with dtype='bfloat16', or end what else uses the device."
        )

    @torch.inference_mode()
    def _answer(self, batch: ImageBatch, device: torch.device) -> list[Result]:
        prepare_for_forks()
        pixels = batch.pixel_values
        if self.model.compiled and on_cuda(device):
            output = self._replayed(pixels)
        else:
            output = self.model(pixels.to(device, non_blocking=pixels.is_pinned()))
        return self.fused(output.class_logits, output.mask_logits, batch)
