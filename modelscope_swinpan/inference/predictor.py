"""The interface of predictors, which segment images.

There is one for a model (:mod:`~modelscope_swinpan.inference.network`), one for exported files, and one that works in
tiles, around another. A class of your own can be a predictor, too.
"""

import copy
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..categories import Category
from ..config import PostprocessConfig, Task
from ..images.decode import decode_image, several_images
from ..structures import Size
from .results import InstanceResult, PanopticResult

Pixels = npt.NDArray[np.uint8]
Result = PanopticResult | InstanceResult
P = TypeVar("P", bound="Predictor")


class Predictor(Protocol):
    """What segments decoded images, batch by batch.

    A class of your own subclasses this one and defines the abstract members. It must pickle to be used by several
    processes.
    """

    task: Task
    """What it answers, 'panoptic', 'instance' or 'semantic'."""
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
        """A key for images of this size. Images with the same key can share a batch.

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
