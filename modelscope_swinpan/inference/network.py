"""Predictors of one network: what a model's and an exported file's share, and the model's own."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from typing import Any, TypeVar, get_args

import torch
from torch import Tensor

from ..categories import Category
from ..config import Mask2FormerConfig, PostprocessConfig, PreprocessConfig, Task
from ..errors import ConfigError, DeviceError, is_short_of_memory
from ..kernels.dispatch import on_cuda
from ..models.mask2former import Mask2Former
from ..structures import ImageBatch, Size
from ..words import number_of
from .fusion import fuse
from .graphs import ReplayedModel
from .identity import weights_digest
from .predictor import Pixels, Predictor, Result
from .preprocess import padded_size, preprocess

N = TypeVar("N", bound="NetworkPredictor")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a file says of its model: all that stands outside of the network."""

    task: Task
    categories: tuple[Category, ...]
    preprocess: PreprocessConfig
    postprocess: PostprocessConfig


class NetworkPredictor(Predictor):
    """A predictor of one network, a model or a file: it fuses the queries of a forward into results."""

    contested: tuple[float, ...] = ()
    """The values of ``object_mask_threshold`` with which results carry the contests of the same forward."""

    def __init__(
        self,
        about: Mask2FormerConfig | Description,
        *,
        batch_size: int = 1,
        postprocess: PostprocessConfig | None = None,
        task: Task | None = None,
        instances: bool = False,
    ) -> None:
        """A predictor of the network that ``about`` describes, with the options of :class:`PanopticPredictor`."""
        self.about = about
        self.task = about.task if task is None else check_task(task, about.task)
        self.batch_size = check_batch_size(batch_size)
        self.postprocess = postprocess or about.postprocess
        self.instances = instances

    @property
    def categories(self) -> tuple[Category, ...]:
        """The model's classes, by label."""
        return self.about.categories

    @property
    def short_side(self) -> int:
        """The short side, in pixels, that images are resized to."""
        return min(self.about.preprocess.fixed_size or (self.about.preprocess.short_side,))

    def group(self, size: Size) -> Size:
        """The padded size: see :meth:`Predictor.group`."""
        return padded_size(size, self.about.preprocess)

    def changed(self: N, options: Mapping[str, Any]) -> N:
        """See :meth:`Predictor.changed`."""
        if "task" in options:
            check_task(options["task"], self.about.task)
        if "batch_size" in options:
            check_batch_size(options["batch_size"])
        return super().changed(options)

    def identity(self) -> dict[str, Any]:
        """What decides the answers beside the network, as JSON."""
        contested = {"contested": self.contested} if self.contested else {}
        return {
            "task": self.task,
            "instances": self.instances,
            **contested,
            "postprocess": dataclasses.asdict(self.postprocess),
            "tiles": None,
            "version": metadata.version("modelscope_swinpan"),
        }

    def fused(self, class_logits: Tensor, mask_logits: Tensor, batch: ImageBatch) -> list[Result]:
        """The results of a batch's images, of logits (B, Q, K+1) and (B, Q, h, w).

        Raises:
            DeviceError: the logits are not finite. The fusion would silently find nothing.
        """
        if not class_logits.isfinite().all() or mask_logits.amax().isnan():
            raise DeviceError(
                "The network answers with numbers that are not finite. In float16 they end at 65504: take float32 or "
                "bfloat16, with exported files float32."
            )
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

    ``predictor(image)`` is the result of an image, ``predictor(images)`` a list of results: see
    :class:`~modelscope_swinpan.inference.predictor.Predictor`.

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
        super().__init__(model.config, batch_size=batch_size, postprocess=postprocess, task=task, instances=instances)
        if compile and not model.compiled:
            model.compile()
        self.model = model
        self._replayed = ReplayedModel(model)

    @property
    def device(self) -> str:
        """The kind of device that the model is on, as in 'cpu' or 'cuda'."""
        return next(self.model.parameters()).device.type

    def identity(self) -> dict[str, Any]:
        """The model by a digest of weights and architecture, its number format, and the options, as JSON."""
        return {
            "weights_sha256": weights_digest(self.model, repr(self.model.config)),
            "dtype": str(next(self.model.parameters()).dtype).removeprefix("torch."),
            "preprocess": dataclasses.asdict(self.model.config.preprocess),
            "compiled": self.model.compiled,
            **super().identity(),
        }

    def prepare(self, images: Sequence[Pixels]) -> ImageBatch:
        """See :meth:`Predictor.prepare`."""
        return preprocess(images, self.about.preprocess, pin_memory=self.device == "cuda")

    def answer(self, batch: ImageBatch) -> list[Result]:
        """See :meth:`Predictor.answer`."""
        weight = next(self.model.parameters())
        try:
            return self._answer(batch, weight.device)
        except (MemoryError, RuntimeError) as error:
            if not is_short_of_memory(error):
                raise
        # Not in the except block: the traceback would keep its tensors alive.
        count, _, height, width = batch.pixel_values.shape
        dtype = str(weight.dtype).removeprefix("torch.")
        raise DeviceError(
            f"{weight.device} ran out of memory for {number_of(count, 'image')}, resized to {width}×{height} pixels, "
            f"and a model in {dtype}. Lower batch_size, load the model with dtype='bfloat16', or end what else uses "
            "the device."
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


@cache
def prepare_for_forks() -> None:
    """From now on, give each forked process one thread. Call it when this process runs a model.

    By then OpenMP has threads. They do not exist in a forked process, which would wait for them.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def check_task(task: Task, trained: Task) -> Task:
    """Return ``task``. Raise a ConfigError if it is unknown, or a model ``trained`` for another one cannot do it."""
    if task not in get_args(Task):
        raise ConfigError(f"The task must be one of {', '.join(map(repr, get_args(Task)))}; got {task!r}.")
    if trained not in (task, "panoptic"):
        raise ConfigError(
            f"The task {task!r} was asked for, but this model was trained for {trained!r} alone. Ask for that, or load "
            "a panoptic model, which does all three."
        )
    return task


def check_batch_size(batch_size: int) -> int:
    """Return ``batch_size``. Raise a ConfigError unless it is a whole number of at least 1."""
    if type(batch_size) is not int or batch_size < 1:
        raise ConfigError(f"batch_size must be a whole number of at least 1; got {batch_size!r}.")
    return batch_size
